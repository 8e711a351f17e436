#include "text/jinja/lexer.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "text/jinja/python_text.h"
#include "text/utf8.h"
#include "w8a16/error.h"

namespace w8a16::jinja {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsNamePart(char c) { return IsNameStart(c) || IsDigit(c); }

std::string NormalizeNewlines(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r') {
      out += text[i];
      continue;
    }
    out += '\n';
    if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

class Lexer {
 public:
  Lexer(std::string_view text, std::string_view source) : text_(text), source_(source) {}

  std::vector<Token> Run() {
    while (at_ < text_.size()) Data();
    Add(Token::Kind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  using Kind = Token::Kind;

  bool Sees(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  char Peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  [[noreturn]] void Fail(std::string_view message) const {
    throw Error(StrCat(source_, ": line ", line_, ": ", message));
  }

  void Add(Kind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }

  void Advance(size_t count) {
    line_ += static_cast<int>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         text_.begin() + static_cast<std::ptrdiff_t>(at_ + count), '\n'));
    at_ += count;
  }

  void SkipWhitespace() { Advance(LeadingWhitespace(text_.substr(at_))); }

  // Text up to the next tag, and that tag.
  void Data() {
    size_t begin = at_;
    while (begin < text_.size() && !IsTagBegin(begin)) ++begin;
    std::string_view data = text_.substr(at_, begin - at_);
    if (begin == text_.size()) {
      AddData(data);
      return Advance(data.size());
    }
    const char kind = text_[begin + 1];
    const char sign = begin + 2 < text_.size() ? text_[begin + 2] : '\0';
    if (sign == '-') {
      data.remove_suffix(TrailingWhitespace(data));
    } else if (sign != '+' && kind != '{') {
      data = WithoutIndentation(data);
    }
    AddData(data);
    Advance(begin - at_ + 2);
    if (sign == '-' || sign == '+') Advance(1);
    if (kind == '#') return Comment();
    if (kind == '{') return Tag(Kind::kVariableBegin, Kind::kVariableEnd, "}}");
    if (IsRawBegin()) return Raw();
    Tag(Kind::kBlockBegin, Kind::kBlockEnd, "%}");
  }

  bool IsTagBegin(size_t position) const {
    const std::string_view two = text_.substr(position, 2);
    return two == "{{" || two == "{%" || two == "{#";
  }

  // lstrip_blocks: what stands before a block on its line is dropped where it is all whitespace.
  std::string_view WithoutIndentation(std::string_view data) const {
    const size_t newline = data.rfind('\n');
    if (newline == std::string_view::npos && !line_starting_) return data;
    const size_t line_start = newline == std::string_view::npos ? 0 : newline + 1;
    const std::string_view indentation = data.substr(line_start);
    return LeadingWhitespace(indentation) == indentation.size() ? data.substr(0, line_start) : data;
  }

  void AddData(std::string_view data) {
    if (!data.empty()) Add(Kind::kData, std::string(data));
  }

  // The end of a tag: its sign, its two characters and the whitespace that goes with it. False where it is not here.
  bool SkipEnd(std::string_view end) {
    const size_t start = at_;
    if (Peek() == '-' && text_.substr(at_ + 1).starts_with(end)) {
      Advance(3);
      SkipWhitespace();
    } else if (end != "}}" && Peek() == '+' && text_.substr(at_ + 1).starts_with(end)) {
      Advance(3);
    } else if (Sees(end)) {
      Advance(2);
      if (end != "}}" && Peek() == '\n') Advance(1);  // trim_blocks
    } else {
      return false;
    }
    line_starting_ = text_.substr(start, at_ - start).ends_with('\n');
    return true;
  }

  void Comment() {
    while (at_ < text_.size()) {
      if (SkipEnd("#}")) return;
      Advance(1);
    }
    Fail("a comment has no end: #} is missing");
  }

  // After {% and its sign: raw, and the end of the tag.
  bool IsRawBegin() const {
    std::string_view rest = text_.substr(at_);
    rest.remove_prefix(LeadingWhitespace(rest));
    if (!rest.starts_with("raw")) return false;
    rest.remove_prefix(3);
    rest.remove_prefix(LeadingWhitespace(rest));
    return rest.starts_with("%}") || rest.starts_with("-%}");
  }

  void Raw() {
    const size_t tag_end = text_.find("%}", at_);
    const bool strips = text_[tag_end - 1] == '-';
    Advance(tag_end + 2 - at_);
    if (strips) SkipWhitespace();
    line_starting_ = text_[at_ - 1] == '\n';
    for (size_t begin = text_.find("{%", at_); begin != std::string_view::npos; begin = text_.find("{%", begin + 1)) {
      size_t position = begin + 2;
      const char sign = position < text_.size() ? text_[position] : '\0';
      if (sign == '-' || sign == '+') ++position;
      position += LeadingWhitespace(text_.substr(position));
      if (!text_.substr(position).starts_with("endraw")) continue;
      position += 6;
      position += LeadingWhitespace(text_.substr(position));
      std::string_view data = text_.substr(at_, begin - at_);
      if (sign == '-') {
        data.remove_suffix(TrailingWhitespace(data));
      } else if (sign != '+') {
        data = WithoutIndentation(data);
      }
      AddData(data);
      Advance(position - at_);
      if (!SkipEnd("%}")) Fail("endraw takes nothing after it");
      return;
    }
    Fail("a raw block has no end: {% endraw %} is missing");
  }

  void Tag(Kind begin_kind, Kind end_kind, std::string_view end) {
    Add(begin_kind, "");
    std::string open;  // brackets inside the tag: its end does not count within them
    while (true) {
      SkipWhitespace();
      if (at_ == text_.size()) Fail(StrCat("a tag has no end: ", end, " is missing"));
      const int line = line_;
      if (open.empty() && SkipEnd(end)) {
        tokens_.push_back({end_kind, "", line});
        return;
      }
      const char c = Peek();
      if (IsNameStart(c)) {
        size_t length = 1;
        while (IsNamePart(Peek(length))) ++length;
        Take(Kind::kName, length);
      } else if (IsDigit(c)) {
        Number();
      } else if (c == '"' || c == '\'') {
        String();
      } else {
        Operator(open);
      }
    }
  }

  void Take(Kind kind, size_t length) {
    Add(kind, std::string(text_.substr(at_, length)));
    Advance(length);
  }

  void Number() {
    size_t length = 0;
    const auto digits = [&] {
      const size_t before = length;
      while (IsDigit(Peek(length)) || (Peek(length) == '_' && IsDigit(Peek(length + 1)))) ++length;
      return length > before;
    };
    digits();
    Kind kind = Kind::kInteger;
    // In a.0.1 the numbers are indexes.
    const bool index = !tokens_.empty() && tokens_.back().kind == Kind::kOperator && tokens_.back().text == ".";
    if (!index && Peek(length) == '.' && IsDigit(Peek(length + 1))) {
      ++length;
      digits();
      kind = Kind::kFloat;
    }
    if (!index && (Peek(length) == 'e' || Peek(length) == 'E')) {
      const size_t before = length;
      ++length;
      if (Peek(length) == '+' || Peek(length) == '-') ++length;
      if (digits()) {
        kind = Kind::kFloat;
      } else {
        length = before;
      }
    }
    Take(kind, length);
    std::erase(tokens_.back().text, '_');
  }

  void Operator(std::string& open) {
    static constexpr std::array<std::string_view, 6> kTwo = {"//", "**", "==", "!=", ">=", "<="};
    static constexpr std::string_view kOne = "+-/*%~[](){}><=.:|,";
    for (const std::string_view two : kTwo) {
      if (Sees(two)) return Take(Kind::kOperator, 2);
    }
    const char c = Peek();
    if (kOne.find(c) == std::string_view::npos) {
      Fail(StrCat("unexpected character '", ToWellFormedUtf8(text_.substr(at_, ReadUtf8(text_.substr(at_)).length)),
                  "'"));
    }
    if (c == '(' || c == '[' || c == '{') open += c;
    if (c == ')' || c == ']' || c == '}') {
      const char expected = c == ')' ? '(' : c == ']' ? '[' : '{';
      if (open.empty() || open.back() != expected) Fail(StrCat("unexpected '", c, "'"));
      open.pop_back();
    }
    Take(Kind::kOperator, 1);
  }

  void String() {
    const char quote = Peek();
    const int line = line_;
    Advance(1);
    std::string value;
    while (true) {
      if (at_ == text_.size()) {
        line_ = line;
        Fail("a string has no end: its closing quote is missing");
      }
      const char c = Peek();
      Advance(1);
      if (c == quote) break;
      if (c == '\\') {
        Escape(value);
      } else {
        value += c;
      }
    }
    tokens_.push_back({Kind::kString, std::move(value), line});
  }

  // After the backslash; the escapes of Python. Others stay as they are written.
  void Escape(std::string& value) {
    static constexpr std::string_view kLetters = "abfnrtv\\'\"";
    static constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\'\"";
    const char c = Peek();
    if (const size_t known = kLetters.find(c); c != '\0' && known != std::string_view::npos) {
      value += kMeanings[known];
      return Advance(1);
    }
    if (c == '\n') return Advance(1);
    if (c >= '0' && c <= '7') return CodePoint(0, 1, 3, 8, value);
    if (c == 'x') return CodePoint(1, 2, 2, 16, value);
    if (c == 'u') return CodePoint(1, 4, 4, 16, value);
    if (c == 'U') return CodePoint(1, 8, 8, 16, value);
    if (c == 'N') Fail("characters by name (\\N) are not supported");
    value += '\\';
  }

  void CodePoint(size_t skip, size_t least, size_t most, uint32_t base, std::string& value) {
    Advance(skip);
    uint32_t code_point = 0;
    size_t count = 0;
    for (; count < most; ++count) {
      const char c = Peek();
      uint32_t digit = 16;
      if (IsDigit(c)) digit = static_cast<uint32_t>(c - '0');
      if (c >= 'a' && c <= 'f') digit = static_cast<uint32_t>(c - 'a') + 10;
      if (c >= 'A' && c <= 'F') digit = static_cast<uint32_t>(c - 'A') + 10;
      if (digit >= base) break;
      code_point = code_point * base + digit;
      Advance(1);
    }
    if (count < least || code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF)) {
      Fail("a string has an escape that is no character");
    }
    AppendUtf8(code_point, value);
  }

  std::string_view text_;
  std::string_view source_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> Tokenize(std::string_view text, std::string_view source) {
  if (!IsWellFormedUtf8(text)) throw Error(StrCat(source, ": a template must be UTF-8 text"));
  const std::string normalized = NormalizeNewlines(text);
  return Lexer(normalized, source).Run();
}

}  // namespace w8a16::jinja
