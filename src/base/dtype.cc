#include "w8a16/dtype.h"

#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <vector>

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

struct DTypeEntry {
  const char* name;
  size_t size;
};

// In the order of the enumeration.
constexpr std::array<DTypeEntry, 15> kDTypes = {{{"F32", 4},
                                                 {"F16", 2},
                                                 {"BF16", 2},
                                                 {"I8", 1},
                                                 {"U8", 1},
                                                 {"I16", 2},
                                                 {"U16", 2},
                                                 {"I32", 4},
                                                 {"U32", 4},
                                                 {"I64", 8},
                                                 {"U64", 8},
                                                 {"F64", 8},
                                                 {"BOOL", 1},
                                                 {"F8_E4M3", 1},
                                                 {"F8_E5M2", 1}}};

}  // namespace

size_t DTypeSize(DType dtype) { return kDTypes[static_cast<size_t>(dtype)].size; }

std::string_view DTypeName(DType dtype) { return kDTypes[static_cast<size_t>(dtype)].name; }

DType ParseDTypeName(std::string_view name) {
  std::vector<std::string> known;
  for (size_t i = 0; i < kDTypes.size(); ++i) {
    if (name == kDTypes[i].name) return static_cast<DType>(i);
    known.emplace_back(kDTypes[i].name);
  }
  throw Error(StrCat("unknown dtype \"", name, "\"; known: ", Join(known, ", ")));
}

bool IsComputeFloat(DType dtype) { return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16; }

float BF16ToFloat(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

uint16_t FloatToBF16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return 0x7FC0;
  // Adding just under half of the dropped part, and one more where the kept part is odd, rounds ties to even; a carry
  // out of the mantissa goes into the exponent as it should.
  return static_cast<uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

float F16ToFloat(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000U) << 16;
  const uint32_t magnitude = bits & 0x7FFFU;
  if (magnitude >= 0x7C00U) return std::bit_cast<float>(sign | 0x7F800000U | (magnitude & 0x3FFU) << 13);
  if (magnitude < 0x400U) {
    // Subnormal: an integer multiple of 2^-24.
    const float value = static_cast<float>(magnitude) * 0x1p-24F;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(value));
  }
  return std::bit_cast<float>(sign | ((magnitude << 13) + 0x38000000U));
}

uint16_t FloatToF16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000U);
  const uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) return 0x7E00;
  if (magnitude >= 0x47800000U) return static_cast<uint16_t>(sign | 0x7C00U);  // 65536 and more, infinity
  if (magnitude < 0x38800000U) {
    // Below 2^-14 the result counts multiples of 2^-24: adding 0.5 aligns them with the end of float32's mantissa,
    // which rounds them to nearest even.
    const float aligned = std::bit_cast<float>(magnitude) + 0.5F;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(aligned) - 0x3F000000U));
  }
  const uint32_t rebased = magnitude - 0x38000000U;
  return static_cast<uint16_t>(sign | ((rebased + 0xFFFU + ((rebased >> 13) & 1U)) >> 13));
}

float LoadFloat(const void* data, DType dtype, int64_t index) {
  if (dtype == DType::kF32) {
    float value;
    std::memcpy(&value, static_cast<const float*>(data) + index, sizeof(value));
    return value;
  }
  uint16_t bits;
  std::memcpy(&bits, static_cast<const uint16_t*>(data) + index, sizeof(bits));
  return dtype == DType::kBF16 ? BF16ToFloat(bits) : F16ToFloat(bits);
}

void StoreFloat(void* data, DType dtype, int64_t index, float value) {
  if (dtype == DType::kF32) {
    std::memcpy(static_cast<float*>(data) + index, &value, sizeof(value));
    return;
  }
  const uint16_t bits = dtype == DType::kBF16 ? FloatToBF16(value) : FloatToF16(value);
  std::memcpy(static_cast<uint16_t*>(data) + index, &bits, sizeof(bits));
}

}  // namespace w8a16
