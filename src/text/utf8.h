#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace w8a16 {

/// What stands at the start of some bytes.
struct Utf8Unit {
  enum class Kind { kCharacter, kIllFormed, kIncomplete };
  Kind kind;
  char32_t code_point;  ///< U+FFFD unless kind is kCharacter
  size_t length;        ///< bytes; of ill-formed text, the maximal subpart that one U+FFFD stands for
};

/// Reads one unit of `bytes`, which must not be empty. kIncomplete: all of `bytes` is the beginning of a character
/// whose end is missing. The well-formed sequences and maximal subparts are those of The Unicode Standard, section 3.9,
/// table 3-7; decoders of Python, Rust and the web agree on them.
Utf8Unit ReadUtf8(std::string_view bytes);

/// The character at `position` of well-formed text.
Utf8Unit CharacterAt(std::string_view text, size_t position);

/// The start of the character that ends at `position` (> 0) of well-formed text.
size_t PreviousCharacter(std::string_view text, size_t position);

void AppendUtf8(char32_t code_point, std::string& out);

bool IsWellFormedUtf8(std::string_view bytes);

/// Bytes that come in parts, as well-formed text: each maximal ill-formed subpart becomes one U+FFFD.
class LossyUtf8 {
 public:
  /// Appends to `out` the whole characters so far.
  void Push(std::string_view bytes, std::string& out);
  /// Appends U+FFFD to `out` where a character was left incomplete.
  void Finish(std::string& out);

 private:
  std::string pending_;  // the beginning of one character: at most three bytes
};

/// `bytes` as well-formed text.
std::string ToWellFormedUtf8(std::string_view bytes);

/// The Unicode property White_Space.
bool IsWhitespace(char32_t c);
/// A character of a word: Alphabetic, Mark, Decimal_Number, Connector_Punctuation or Join_Control (UTS #18, annex C).
bool IsWordCharacter(char32_t c);
/// The general categories N*, P* (and ASCII's symbols, as Hugging Face's pre-tokenizers have it) and M*.
bool IsNumeric(char32_t c);
bool IsPunctuation(char32_t c);
bool IsMark(char32_t c);
/// The general categories Mn, and Cc, Cf and Co.
bool IsNonspacingMark(char32_t c);
bool IsControl(char32_t c);

}  // namespace w8a16
