#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace w8a16 {

/// Element types that a safetensors file can hold. The numerical code computes with kF32, kF16, kBF16 and kI8 only;
/// the others are carried through unchanged.
enum class DType : uint8_t {
  kF32,
  kF16,
  kBF16,
  kI8,
  kU8,
  kI16,
  kU16,
  kI32,
  kU32,
  kI64,
  kU64,
  kF64,
  kBool,
  kF8E4M3,
  kF8E5M2,
};

/// Bytes of one element.
size_t DTypeSize(DType dtype);

/// The name safetensors uses: "F32", "BF16", "I8", ...
std::string_view DTypeName(DType dtype);

/// The inverse of DTypeName. Throws Error, listing the known names, for any other text.
DType ParseDTypeName(std::string_view name);

/// True for the three types that weights and activations may have: kF32, kF16, kBF16.
bool IsComputeFloat(DType dtype);

/// Exact. The bits of an IEEE binary16 or a bfloat16 number as float32.
float F16ToFloat(uint16_t bits);
float BF16ToFloat(uint16_t bits);

/// Round to nearest, ties to even; overflow gives infinity; every NaN becomes the canonical positive quiet NaN.
uint16_t FloatToF16(float value);
uint16_t FloatToBF16(float value);

/// Element `index` of an array of kF32, kF16 or kBF16 as float32 (exact).
float LoadFloat(const void* data, DType dtype, int64_t index);

/// Stores `value` into an array of kF32, kF16 or kBF16, rounded to nearest even.
void StoreFloat(void* data, DType dtype, int64_t index, float value);

}  // namespace w8a16
