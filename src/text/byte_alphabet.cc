#include "text/byte_alphabet.h"

#include <array>

#include "text/utf8.h"

namespace w8a16 {
namespace {

struct Alphabet {
  std::array<std::string, 256> text_of_byte;
  std::array<int, 0x144> byte_of_character;  // -1: none

  Alphabet() {
    byte_of_character.fill(-1);
    char32_t next = 0x100;
    for (int byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
      const char32_t character = printable ? static_cast<char32_t>(byte) : next++;
      AppendUtf8(character, text_of_byte[byte]);
      byte_of_character[character] = byte;
    }
  }
};

const Alphabet& TheAlphabet() {
  static const Alphabet alphabet;
  return alphabet;
}

}  // namespace

void BytesToAlphabet(std::string_view bytes, std::string& out) {
  const Alphabet& alphabet = TheAlphabet();
  for (const char byte : bytes) out += alphabet.text_of_byte[static_cast<unsigned char>(byte)];
}

void AlphabetToBytes(std::string_view text, std::string& out) {
  const Alphabet& alphabet = TheAlphabet();
  const size_t before = out.size();
  for (size_t i = 0; i < text.size();) {
    const Utf8Unit unit = CharacterAt(text, i);
    const int byte =
        unit.code_point < alphabet.byte_of_character.size() ? alphabet.byte_of_character[unit.code_point] : -1;
    if (byte < 0) {
      out.resize(before);
      out += text;
      return;
    }
    out.push_back(static_cast<char>(byte));
    i += unit.length;
  }
}

}  // namespace w8a16
