#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace w8a16::jinja {

// Text as Python's str has it: positions and lengths count characters (code points), of well-formed UTF-8.

/// Bytes of whitespace at the start or end, as str.strip takes it.
size_t LeadingWhitespace(std::string_view text);
size_t TrailingWhitespace(std::string_view text);

size_t CharacterCount(std::string_view text);
/// Each character by itself.
std::vector<std::string_view> Characters(std::string_view text);

enum class StripSide : uint8_t { kLeft, kRight, kBoth };
std::string_view StripWhitespace(std::string_view text, StripSide side);
/// Strips any of the characters in `characters`.
std::string_view StripCharacters(std::string_view text, std::string_view characters, StripSide side);

// Character by character; the few characters whose other case is longer (ß) stay as they are.
std::string UpperCase(std::string_view text);
std::string LowerCase(std::string_view text);
std::string Capitalize(std::string_view text);
/// str.title: a letter that follows no letter is upper case, others lower.
std::string TitleCase(std::string_view text);
/// Jinja's title filter: words end at whitespace and at -({[<.
std::string TitleFilter(std::string_view text);
/// Whether a character has the class that str.isalpha, isdigit, ... ask for.
bool IsLetter(char32_t c);
bool IsDigitCharacter(char32_t c);
bool IsUpperCase(char32_t c);
bool IsLowerCase(char32_t c);

/// Where `part` stands first, or npos, in linear time: string_view::find takes the product of the lengths at worst.
size_t FindText(std::string_view text, std::string_view part);
std::vector<std::string_view> SplitWhitespace(std::string_view text, size_t most);
std::vector<std::string_view> SplitAt(std::string_view text, std::string_view separator, size_t most);
std::vector<std::string_view> SplitFromRight(std::string_view text, std::string_view separator, size_t most);
std::vector<std::string_view> SplitLines(std::string_view text, bool keep_ends);
std::string ReplaceText(std::string_view text, std::string_view old, std::string_view by, size_t most);

/// repr(str).
std::string QuotedText(std::string_view text);
/// repr(float): the fewest digits that read back equal.
std::string FloatText(double value);
/// A JSON string with its quotes, as json.dumps writes it.
std::string JsonText(std::string_view text, bool ascii);

}  // namespace w8a16::jinja
