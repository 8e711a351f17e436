#pragma once

#include <string>
#include <string_view>

namespace w8a16 {

/// GPT-2's bijection between bytes and printable characters, which lets a vocabulary of text hold arbitrary bytes: the
/// printable bytes of Latin-1 stand for themselves, the 68 others are U+0100 and up, in order
/// (bytes_to_unicode in github.com/openai/gpt-2, src/encoder.py).

/// Appends the characters of `bytes` to `out`.
void BytesToAlphabet(std::string_view bytes, std::string& out);

/// The inverse: appends the bytes of `text` to `out`, or `text` itself where one of its characters stands for no byte.
void AlphabetToBytes(std::string_view text, std::string& out);

}  // namespace w8a16
