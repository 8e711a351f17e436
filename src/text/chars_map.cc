#include "text/chars_map.h"

#include <cstring>

#include "base/strings.h"
#include "text/utf8.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

// A unit of the double array. One that carries a value has it in its low 31 bits.
uint32_t Offset(uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); }
uint32_t Label(uint32_t unit) { return unit & ((1u << 31) | 0xFF); }
bool HasValue(uint32_t unit) { return (unit >> 8 & 1) != 0; }
uint32_t Value(uint32_t unit) { return unit & 0x7FFFFFFF; }

bool StartsCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

std::string DecodeBase64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() % 4 != 0) throw Error("is not base 64: its length is no multiple of 4");
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  uint32_t bits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t digit = i < text.size() - padding ? kDigits.find(text[i]) : 0;
    if (digit == std::string_view::npos) throw Error(StrCat("is not base 64 at offset ", i));
    bits = bits << 6 | static_cast<uint32_t>(digit);
    if (i % 4 != 3) continue;
    for (const int shift : {16, 8, 0}) bytes.push_back(static_cast<char>(bits >> shift & 0xFF));
    bits = 0;
  }
  bytes.resize(bytes.size() - padding);
  return bytes;
}

}  // namespace

CharsMap::CharsMap(std::string_view bytes) {
  if (bytes.empty()) return;
  const auto fail = [&](std::string_view what) {
    throw Error(StrCat("the table of rewriting rules (precompiled_charsmap, ", bytes.size(),
                       " bytes) is malformed: ", what, "; the file is damaged, copy it again"));
  };
  // Little-endian, as all machines are that this is built for.
  uint32_t size = 0;
  if (bytes.size() < sizeof size) fail("it has no length");
  std::memcpy(&size, bytes.data(), sizeof size);
  bytes.remove_prefix(sizeof size);
  if (size == 0 || size % sizeof(uint32_t) != 0 || size > bytes.size()) fail(StrCat("its trie of ", size, " bytes"));
  units_.resize(size / sizeof(uint32_t));
  std::memcpy(units_.data(), bytes.data(), size);
  replacements_ = bytes.substr(size);
  if (!IsWellFormedUtf8(replacements_)) fail("its replacements are not UTF-8");
}

CharsMap CharsMap::FromBase64(std::string_view text) { return CharsMap(DecodeBase64(text)); }

CharsMap::Rule CharsMap::Find(std::string_view text, size_t position) const {
  Rule best{0, {}};
  if (units_.empty()) return best;
  // A malformed array must not lead out of itself, nor to ill-formed text: each step and each value is checked.
  size_t at = Offset(units_[0]);
  for (size_t i = position; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    at ^= byte;
    if (at >= units_.size() || Label(units_[at]) != byte) break;
    const uint32_t unit = units_[at];
    at ^= Offset(unit);
    const bool whole = i + 1 == text.size() || StartsCharacter(text[i + 1]);
    if (!HasValue(unit) || !whole || at >= units_.size()) continue;
    const size_t value = Value(units_[at]);
    if (value >= replacements_.size() || !StartsCharacter(replacements_[value])) continue;
    best = {i + 1 - position, std::string_view(replacements_.c_str() + value)};
  }
  return best;
}

}  // namespace w8a16
