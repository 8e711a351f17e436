#pragma once

// IEEE binary16, bfloat16 and rounding to them, written from the definition with powers of two and searches instead of
// bit tricks: what the library's conversions are compared with.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "w8a16/dtype.h"

namespace w8a16::testing {

struct SmallFloat {
  int mantissa_bits;
  int exponent_bits;

  int Bias() const { return (1 << (exponent_bits - 1)) - 1; }
  int MaxExponent() const { return (1 << exponent_bits) - 1; }
  uint16_t InfinityBits() const { return static_cast<uint16_t>(MaxExponent() << mantissa_bits); }
};

inline SmallFloat FormatOf(DType dtype) { return dtype == DType::kF16 ? SmallFloat{10, 5} : SmallFloat{7, 8}; }

/// The number that 16 bits mean.
inline double DecodeSmallFloat(uint16_t bits, DType dtype) {
  const SmallFloat f = FormatOf(dtype);
  const int exponent = (bits >> f.mantissa_bits) & f.MaxExponent();
  const int mantissa = bits & ((1 << f.mantissa_bits) - 1);
  double magnitude;
  if (exponent == f.MaxExponent()) {
    magnitude = mantissa == 0 ? HUGE_VAL : NAN;
  } else if (exponent == 0) {
    magnitude = std::ldexp(mantissa, 1 - f.Bias() - f.mantissa_bits);
  } else {
    magnitude = std::ldexp((1 << f.mantissa_bits) + mantissa, exponent - f.Bias() - f.mantissa_bits);
  }
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

/// The bits nearest to `value`, ties to the even pattern: a search among all numbers of the format. Infinity takes part
/// as the number that would follow the largest one.
inline uint16_t RoundToSmallFloat(double value, DType dtype) {
  static const auto table_of = [](DType type) {
    std::vector<double> table;
    const SmallFloat f = FormatOf(type);
    for (uint16_t bits = 0; bits < f.InfinityBits(); ++bits) table.push_back(DecodeSmallFloat(bits, type));
    table.push_back(std::ldexp(1.0, f.Bias() + 1));
    return table;
  };
  static const std::vector<double> f16 = table_of(DType::kF16);
  static const std::vector<double> bf16 = table_of(DType::kBF16);
  const std::vector<double>& table = dtype == DType::kF16 ? f16 : bf16;

  const uint16_t quiet_nan =
      static_cast<uint16_t>(FormatOf(dtype).InfinityBits() | 1 << (FormatOf(dtype).mantissa_bits - 1));
  if (std::isnan(value)) return quiet_nan;
  const double magnitude = std::abs(value);
  auto bits = static_cast<size_t>(std::upper_bound(table.begin(), table.end(), magnitude) - table.begin()) - 1;
  if (bits + 1 < table.size()) {
    const double below = magnitude - table[bits];
    const double above = table[bits + 1] - magnitude;
    if (above < below || (above == below && bits % 2 == 1)) ++bits;
  }
  return static_cast<uint16_t>(bits | (std::signbit(value) ? 0x8000U : 0U));
}

/// x to the nearest integer, ties to even, without the processor's rounding mode.
inline double RoundHalfToEven(double x) {
  const double floor = std::floor(x);
  const double rest = x - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return std::fmod(floor, 2) == 0 ? floor : floor + 1;
}

}  // namespace w8a16::testing
