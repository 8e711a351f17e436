#pragma once

// Rows of weights that are hard to quantize, in every dtype.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "w8a16/tensor.h"

namespace w8a16::testing {

inline constexpr DType kFloatDTypes[] = {DType::kF32, DType::kF16, DType::kBF16};

inline float LargestFinite(DType dtype) {
  if (dtype == DType::kF16) return 65504.0F;
  return dtype == DType::kBF16 ? 0x1.FEp127F : std::numeric_limits<float>::max();
}

inline float SmallestPositive(DType dtype) {
  if (dtype == DType::kF16) return 0x1p-24F;
  return dtype == DType::kBF16 ? 0x1p-133F : 0x1p-149F;
}

inline float SmallestNormal(DType dtype) { return dtype == DType::kF16 ? 0x1p-14F : 0x1p-126F; }

/// A matrix of its own, with a stride larger than its rows; the gaps hold NaN, so that reading them shows.
struct WeightRows {
  DType dtype;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t stride = 0;
  std::vector<std::byte> bytes;

  WeightRows(DType type, int64_t row_count, int64_t col_count, int64_t gap = 3)
      : dtype(type), rows(row_count), cols(col_count), stride(col_count + gap) {
    bytes.resize(static_cast<size_t>(rows * stride) * DTypeSize(dtype));
    for (int64_t i = 0; i < rows * stride; ++i) StoreFloat(bytes.data(), dtype, i, NAN);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < cols; ++c) Set(r, c, 0);
    }
  }
  void Set(int64_t r, int64_t c, float value) { StoreFloat(bytes.data(), dtype, r * stride + c, value); }
  float Get(int64_t r, int64_t c) const { return LoadFloat(bytes.data(), dtype, r * stride + c); }
  ConstMatrix View() const { return {bytes.data(), dtype, rows, cols, stride}; }
};

/// One row for each kind of trouble.
inline WeightRows AdversarialRows(DType dtype, int64_t cols) {
  std::mt19937 random(static_cast<unsigned>(cols) * 7U + static_cast<unsigned>(dtype));
  std::normal_distribution<float> normal;
  std::uniform_int_distribution<int> any_bits(0, (1 << 30) - 1);
  const float largest = LargestFinite(dtype);
  const float smallest = SmallestPositive(dtype);
  constexpr int64_t kRows = 17;
  WeightRows w(dtype, kRows, cols);
  for (int64_t c = 0; c < cols; ++c) {
    const float sign = c % 2 == 0 ? 1.0F : -1.0F;
    const float uniform = static_cast<float>(any_bits(random)) * 0x1p-30F;
    const auto counter = static_cast<float>(c);
    int64_t r = 0;
    w.Set(r++, c, 0.0F);
    w.Set(r++, c, -0.0F);
    w.Set(r++, c, normal(random) * 0.02F);
    w.Set(r++, c, std::exp(3 * normal(random)) * sign);                // heavy tails
    w.Set(r++, c, c == cols / 2 ? -1000.0F : normal(random) * 0.02F);  // one huge weight
    w.Set(r++, c, c == cols - 1 ? largest : smallest * sign);          // the whole range
    w.Set(r++, c, largest * sign);
    w.Set(r++, c, c == 0 ? 127.0F : (std::fmod(counter, 127.0F) + 0.5F) * sign);  // scale 1: all ties
    w.Set(r++, c, c == 0 ? 0x7Fp-10F : (std::fmod(counter, 127.0F) + 0.5F) * 0x1p-10F * sign);
    w.Set(r++, c, smallest * sign);  // the least there is
    w.Set(r++, c, c == 0 ? smallest * 160 : smallest * std::floor(160 * uniform) * sign);
    w.Set(r++, c, c == 0 ? smallest * 1144 : smallest * std::floor(1144 * uniform) * sign);
    w.Set(r++, c, c == 0 ? SmallestNormal(dtype) : SmallestNormal(dtype) * uniform * sign);
    w.Set(r++, c, SmallestNormal(dtype) * 200 * uniform * sign);  // scales around the smallest normal
    w.Set(r++, c, 0x1p-14F * 127 * (c == 0 ? 1.001F : uniform));  // the same for float16 scales
    w.Set(r++, c, std::ldexp(sign, -static_cast<int>(c % 24)));   // powers of two
    w.Set(r++, c, c == 0 ? 1.0F : uniform * sign);
  }
  return w;
}

}  // namespace w8a16::testing
