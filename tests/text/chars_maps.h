#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace w8a16::testing {

inline std::string Base64(std::string_view bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) bits = bits << 8 | (i + k < bytes.size() ? static_cast<uint8_t>(bytes[i + k]) : 0);
    for (size_t k = 0; k < 4; ++k) text += i + k > bytes.size() ? '=' : kDigits[bits >> (18 - 6 * k) & 63];
  }
  return text;
}

inline std::string LittleEndian(uint32_t value) {
  std::string bytes;
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

/// A table of rewriting rules in SentencePiece's format: every node of the trie has 256 units of its own, its value in
/// the first.
inline std::string CharsMapBytes(const std::map<std::string, std::string>& rules) {
  std::vector<uint32_t> units(256);
  std::string replacements;
  // Offsets are combined with exclusive or; nodes begin at multiples of 256.
  const auto offset = [](uint32_t from, uint32_t to) { return (from ^ to) << 10; };
  std::map<std::string, uint32_t> nodes = {{"", 256}};
  units.resize(512);
  units[0] = offset(0, 256);
  for (const auto& [key, replacement] : rules) {
    for (size_t length = 1; length <= key.size(); ++length) {
      const std::string prefix = key.substr(0, length);
      if (nodes.contains(prefix)) continue;
      const auto label = static_cast<uint8_t>(prefix.back());
      const uint32_t slot = nodes.at(prefix.substr(0, length - 1)) ^ label;
      const auto node = static_cast<uint32_t>(units.size());
      nodes[prefix] = node;
      units.resize(units.size() + 256);
      units[slot] = offset(slot, node) | (rules.contains(prefix) ? 1u << 8 : 0) | label;
    }
    units[nodes[key]] = static_cast<uint32_t>(replacements.size()) | 1u << 31;
    replacements += replacement + '\0';
  }
  std::string bytes = LittleEndian(static_cast<uint32_t>(units.size() * 4));
  for (const uint32_t unit : units) bytes += LittleEndian(unit);
  return bytes + replacements;
}

inline std::string CharsMapBase64(const std::map<std::string, std::string>& rules) {
  return Base64(CharsMapBytes(rules));
}

}  // namespace w8a16::testing
