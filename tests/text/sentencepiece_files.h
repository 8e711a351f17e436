#pragma once

#include <cstdint>
#include <cstring>
#include <string>

namespace w8a16::testing {

/// Fields of a message in the wire format of Protocol Buffers.
inline std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

inline std::string VarintField(int number, uint64_t value) { return Varint(number * 8) + Varint(value); }

inline std::string BytesField(int number, const std::string& bytes) {
  return Varint(number * 8 + 2) + Varint(bytes.size()) + bytes;
}

inline std::string FloatField(int number, float value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return Varint(number * 8 + 5) + bytes;
}

/// A piece of a SentencePiece model. Types: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
inline std::string PieceField(const std::string& text, float score, int type) {
  return BytesField(1, BytesField(1, text) + FloatField(2, score) + VarintField(3, type));
}

}  // namespace w8a16::testing
