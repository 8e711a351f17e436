#include "text/jinja/python_text.h"

#include <utf8proc.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include "text/utf8.h"

namespace w8a16::jinja {
namespace {

bool IsPythonSpace(char32_t c) { return (c >= 0x1C && c <= 0x1F) || IsWhitespace(c); }

utf8proc_category_t Category(char32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }

char32_t Upper(char32_t c) { return static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))); }
char32_t Lower(char32_t c) { return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))); }

bool IsCased(char32_t c) {
  const utf8proc_category_t category = Category(c);
  return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL || category == UTF8PROC_CATEGORY_LT;
}

// The text with each character replaced by change(character).
template <class Change>
std::string Map(std::string_view text, Change change) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Utf8Unit unit = CharacterAt(text, at);
    AppendUtf8(change(unit.code_point), out);
    at += unit.length;
  }
  return out;
}

template <class InSet>
std::string_view Strip(std::string_view text, InSet in_set, StripSide side) {
  size_t begin = 0;
  size_t end = text.size();
  while (side != StripSide::kRight && begin < end) {
    const Utf8Unit unit = CharacterAt(text, begin);
    if (!in_set(unit.code_point)) break;
    begin += unit.length;
  }
  while (side != StripSide::kLeft && end > begin) {
    const size_t previous = PreviousCharacter(text, end);
    if (!in_set(CharacterAt(text, previous).code_point)) break;
    end = previous;
  }
  return text.substr(begin, end - begin);
}

bool IsLineEnd(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

void AppendHex(uint32_t value, int digits, std::string& out) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += "0123456789abcdef"[(value >> shift) & 15U];
}

// Not printable in the sense of str.isprintable: separators and "other" categories, but for the space.
bool IsPrintable(char32_t c) {
  if (c == ' ') return true;
  switch (Category(c)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    default:
      return true;
  }
}

}  // namespace

size_t LeadingWhitespace(std::string_view text) { return text.size() - StripWhitespace(text, StripSide::kLeft).size(); }

size_t TrailingWhitespace(std::string_view text) {
  return text.size() - StripWhitespace(text, StripSide::kRight).size();
}

size_t CharacterCount(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
  return count;
}

std::vector<std::string_view> Characters(std::string_view text) {
  std::vector<std::string_view> out;
  for (size_t at = 0; at < text.size();) {
    const size_t length = CharacterAt(text, at).length;
    out.push_back(text.substr(at, length));
    at += length;
  }
  return out;
}

std::string_view StripWhitespace(std::string_view text, StripSide side) { return Strip(text, IsPythonSpace, side); }

std::string_view StripCharacters(std::string_view text, std::string_view characters, StripSide side) {
  const auto in_set = [&](char32_t c) {
    for (size_t at = 0; at < characters.size();) {
      const Utf8Unit unit = CharacterAt(characters, at);
      if (unit.code_point == c) return true;
      at += unit.length;
    }
    return false;
  };
  return Strip(text, in_set, side);
}

std::string UpperCase(std::string_view text) { return Map(text, Upper); }
std::string LowerCase(std::string_view text) { return Map(text, Lower); }

std::string Capitalize(std::string_view text) {
  bool first = true;
  return Map(text, [&](char32_t c) { return std::exchange(first, false) ? Upper(c) : Lower(c); });
}

std::string TitleCase(std::string_view text) {
  bool after_letter = false;
  return Map(text, [&](char32_t c) { return std::exchange(after_letter, IsCased(c)) ? Lower(c) : Upper(c); });
}

std::string TitleFilter(std::string_view text) {
  bool inside = false;
  return Map(text, [&](char32_t c) {
    const bool separates = IsPythonSpace(c) ||
                           (c < 0x80 && std::string_view("-({[<").find(static_cast<char>(c)) != std::string_view::npos);
    return std::exchange(inside, !separates) ? Lower(c) : Upper(c);
  });
}

bool IsLetter(char32_t c) {
  const utf8proc_category_t category = Category(c);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool IsDigitCharacter(char32_t c) { return Category(c) == UTF8PROC_CATEGORY_ND; }
bool IsUpperCase(char32_t c) { return Category(c) == UTF8PROC_CATEGORY_LU; }
bool IsLowerCase(char32_t c) { return Category(c) == UTF8PROC_CATEGORY_LL; }

size_t FindText(std::string_view text, std::string_view part) {
  const void* found = memmem(text.data(), text.size(), part.data(), part.size());
  return found == nullptr ? std::string_view::npos : static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

std::vector<std::string_view> SplitWhitespace(std::string_view text, size_t most) {
  std::vector<std::string_view> parts;
  text = StripWhitespace(text, StripSide::kLeft);
  while (!text.empty()) {
    if (parts.size() == most) {
      parts.push_back(StripWhitespace(text, StripSide::kRight));
      break;
    }
    size_t end = 0;
    while (end < text.size()) {
      const Utf8Unit unit = CharacterAt(text, end);
      if (IsPythonSpace(unit.code_point)) break;
      end += unit.length;
    }
    parts.push_back(text.substr(0, end));
    text = StripWhitespace(text.substr(end), StripSide::kLeft);
  }
  return parts;
}

std::vector<std::string_view> SplitAt(std::string_view text, std::string_view separator, size_t most) {
  std::vector<std::string_view> parts;
  while (parts.size() < most) {
    const size_t at = FindText(text, separator);
    if (at == std::string_view::npos) break;
    parts.push_back(text.substr(0, at));
    text.remove_prefix(at + separator.size());
  }
  parts.push_back(text);
  return parts;
}

std::vector<std::string_view> SplitFromRight(std::string_view text, std::string_view separator, size_t most) {
  std::vector<std::string_view> parts;
  while (parts.size() < most) {
    const size_t at = text.rfind(separator);
    if (at == std::string_view::npos) break;
    parts.push_back(text.substr(at + separator.size()));
    text = text.substr(0, at);
  }
  parts.push_back(text);
  return {parts.rbegin(), parts.rend()};
}

std::vector<std::string_view> SplitLines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const Utf8Unit unit = CharacterAt(text, at);
    size_t next = at + unit.length;
    if (IsLineEnd(unit.code_point)) {
      if (text[at] == '\r' && next < text.size() && text[next] == '\n') ++next;
      lines.push_back(text.substr(begin, (keep_ends ? next : at) - begin));
      begin = next;
    }
    at = next;
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

std::string ReplaceText(std::string_view text, std::string_view old, std::string_view by, size_t most) {
  std::string out;
  if (old.empty()) {
    size_t done = 0;
    for (const std::string_view character : Characters(text)) {
      if (done < most) out += by;
      ++done;
      out += character;
    }
    if (done < most) out += by;
    return out;
  }
  const std::vector<std::string_view> parts = SplitAt(text, old, most);
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += by;
    out += parts[i];
  }
  return out;
}

std::string QuotedText(std::string_view text) {
  const bool double_quotes = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  const char quote = double_quotes ? '"' : '\'';
  std::string out(1, quote);
  for (size_t at = 0; at < text.size();) {
    const Utf8Unit unit = CharacterAt(text, at);
    const char32_t c = unit.code_point;
    if (c == '\\' || c == static_cast<char32_t>(quote)) {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (IsPrintable(c)) {
      out += text.substr(at, unit.length);
    } else if (c < 0x100) {
      out += "\\x";
      AppendHex(c, 2, out);
    } else if (c < 0x10000) {
      out += "\\u";
      AppendHex(c, 4, out);
    } else {
      out += "\\U";
      AppendHex(c, 8, out);
    }
    at += unit.length;
  }
  return out + quote;
}

std::string FloatText(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::array<char, 32> buffer{};
  const auto scientific =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  const std::string_view text(buffer.data(), static_cast<size_t>(scientific.ptr - buffer.data()));
  const size_t e = text.find('e');
  int exponent = 0;
  // from_chars takes no plus sign.
  const size_t digits = text[e + 1] == '+' ? e + 2 : e + 1;
  std::from_chars(text.data() + digits, text.data() + text.size(), exponent);
  // Python's borders between the two notations.
  if (value != 0 && (exponent < -4 || exponent >= 16)) return std::string(text);
  std::array<char, 64> plain{};
  const auto fixed = std::to_chars(plain.data(), plain.data() + plain.size(), value, std::chars_format::fixed);
  std::string out(plain.data(), fixed.ptr);
  if (out.find('.') == std::string::npos) out += ".0";
  return out;
}

std::string JsonText(std::string_view text, bool ascii) {
  std::string out = "\"";
  for (size_t at = 0; at < text.size();) {
    const Utf8Unit unit = CharacterAt(text, at);
    const char32_t c = unit.code_point;
    static constexpr std::string_view kControls = "\"\\\n\r\t\b\f";
    static constexpr std::string_view kLetters = "\"\\nrtbf";
    const size_t control = c < 0x80 ? kControls.find(static_cast<char>(c)) : std::string_view::npos;
    if (control != std::string_view::npos && c != 0) {
      out += '\\';
      out += kLetters[control];
    } else if (c < 0x20 || (ascii && c >= 0x7F && c < 0x10000)) {
      out += "\\u";
      AppendHex(c, 4, out);
    } else if (ascii && c >= 0x10000) {
      out += "\\u";
      AppendHex(0xD800 + ((c - 0x10000) >> 10), 4, out);
      out += "\\u";
      AppendHex(0xDC00 + ((c - 0x10000) & 0x3FF), 4, out);
    } else {
      out += text.substr(at, unit.length);
    }
    at += unit.length;
  }
  return out + "\"";
}

}  // namespace w8a16::jinja
