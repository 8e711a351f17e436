#include "text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

std::string ErrorText(int code) {
  PCRE2_UCHAR buffer[256] = {};
  pcre2_get_error_message(code, buffer, sizeof buffer);
  return reinterpret_cast<const char*>(buffer);
}

// One for each thread, of one pair of offsets: only whole matches are asked for.
pcre2_match_data* ThreadMatchData() {
  thread_local const std::unique_ptr<pcre2_match_data, void (*)(pcre2_match_data*)> data(
      pcre2_match_data_create(1, nullptr), pcre2_match_data_free);
  return data.get();
}

// Oniguruma's \w has marks and connectors, which PCRE2's \w lacked before 10.43; its \h is a hexadecimal digit; its \s
// is White_Space, to which PCRE2 adds U+180E.
constexpr std::string_view kWord = "\\p{L}\\p{M}\\p{N}\\p{Pc}";
constexpr std::string_view kHexDigit = "0-9a-fA-F";
constexpr std::string_view kWhitespace =
    "\\x09-\\x0D\\x20\\x85\\xA0\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}";

// The characters of the class that the letter behind a backslash stands for where PCRE2's is another.
std::string_view ClassOf(char letter) {
  switch (letter) {
    case 'w':
    case 'W':
      return kWord;
    case 'h':
    case 'H':
      return kHexDigit;
    case 's':
    case 'S':
      return kWhitespace;
    default:
      return {};
  }
}

// Rewrites what the two syntaxes read differently.
std::string Translate(std::string_view pattern) {
  const auto fail = [&](size_t position, std::string_view what) {
    throw Error(StrCat("the regular expression \"", pattern, "\" is not supported: ", what, " at offset ", position));
  };
  std::string out;
  bool in_set = false;
  size_t set_start = 0;  // the first position inside the brackets, where "]" is a plain character
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      const char next = pattern[++i];
      const bool negated = next == 'W' || next == 'H' || next == 'S';
      const std::string_view characters = ClassOf(next);
      // Between brackets PCRE2 has no place for the complement of a class. Its own \S lacks U+180E alone.
      if (negated && in_set && next != 'S') fail(i - 1, "a negated class inside brackets");
      if (!characters.empty() && !(negated && in_set)) {
        out += in_set ? std::string(characters) : StrCat(negated ? "[^" : "[", characters, "]");
      } else {
        out += c;
        out += next;
      }
      continue;
    }
    if (in_set) {
      if (c == ']' && i != set_start) in_set = false;
      if (c == '&' && pattern.substr(i, 2) == "&&") fail(i, "an intersection of sets");
      if (c == '[') {
        const size_t end = pattern.substr(i, 2) == "[:" ? pattern.find(":]", i) : std::string_view::npos;
        if (end == std::string_view::npos) fail(i, "a set inside a set (a plain bracket is written \\[)");
        out += pattern.substr(i, end + 2 - i);
        i = end + 1;
        continue;
      }
    } else if (c == '[') {
      in_set = true;
      set_start = i + (pattern.substr(i, 2) == "[^" ? 2 : 1);
    }
    out += c;
  }
  return out;
}

}  // namespace

Regex::Regex(std::string_view pattern) : pattern_(pattern) {
  const std::string translated = Translate(pattern);
  int error = 0;
  PCRE2_SIZE offset = 0;
  // Multi-line: ^ and $ match at every line in the Ruby syntax that Hugging Face gives Oniguruma.
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                                   PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE, &error, &offset, nullptr);
  if (code == nullptr) {
    throw Error(
        StrCat("the regular expression \"", pattern, "\" is malformed at offset ", offset, ": ", ErrorText(error)));
  }
  code_ = std::shared_ptr<void>(code, [](void* c) { pcre2_code_free(static_cast<pcre2_code*>(c)); });
  // Where the system forbids writable code pages this fails, and matching goes on without it.
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
}

std::optional<Regex::Match> Regex::Find(std::string_view text, size_t start) const {
  pcre2_match_data* data = ThreadMatchData();
  if (data == nullptr) throw std::bad_alloc();
  const auto match = [&](uint32_t options) {
    return pcre2_match(static_cast<const pcre2_code*>(code_.get()), reinterpret_cast<PCRE2_SPTR>(text.data()),
                       text.size(), start, options, data, nullptr);
  };
  int rc = match(PCRE2_NO_UTF_CHECK);
  // Compiled code has a small fixed stack; the interpreter takes what it needs from the heap.
  if (rc == PCRE2_ERROR_JIT_STACKLIMIT) rc = match(PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT);
  if (rc == PCRE2_ERROR_NOMATCH) return std::nullopt;
  if (rc < 0) throw Error(StrCat("the regular expression \"", pattern_, "\" failed: ", ErrorText(rc)));
  const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(data);
  return Match{offsets[0], offsets[1]};
}

}  // namespace w8a16
