#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "w8a16/error.h"

namespace w8a16::fuzz {

/// Runs `reader`, which may refuse its input with Error and with nothing else.
template <class Reader>
int Try(const Reader& reader) {
  try {
    reader();
  } catch (const Error&) {
    return 0;
  }
  return 0;
}

inline std::string_view Text(const uint8_t* data, size_t size) { return {reinterpret_cast<const char*>(data), size}; }
inline std::span<const std::byte> Bytes(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const std::byte*>(data), size};
}

/// Fails the run: a reader let something pass that it must refuse.
inline void Require(bool condition) {
  if (!condition) __builtin_trap();
}

}  // namespace w8a16::fuzz

/// What libFuzzer calls with each input.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
