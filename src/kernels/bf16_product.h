#pragma once

#include <cstdint>

#include "base/isa.h"

namespace w8a16 {

/// c[rows, columns] = (high + low) b, for products of bf16 numbers whose first factor is a sum of two, high and low, so
/// that it has 16 significant bits. Sums are float32, each in an order that depends on k alone; numbers below 2^-126
/// count as zero.
struct Bf16ProductArgs {
  static constexpr int64_t kRows = 16;     ///< rows are a multiple of it
  static constexpr int64_t kColumns = 16;  ///< of a tile of b
  static constexpr int64_t kDepth = 32;    ///< numbers of k of a tile of b; k is a multiple of it
  static constexpr int64_t kTile = kDepth * kColumns;

  const uint16_t* a;  ///< [rows, k_tiles, 2, 32]: of each 32 numbers first the high parts, then the low ones
  int64_t a_stride;   ///< elements between rows
  int64_t rows;
  const uint16_t* b;  ///< [column_tiles, k_tiles] tiles, each [16 pairs of k, 16 columns, 2]; 64-byte aligned
  int64_t b_stride;   ///< elements between tiles of columns
  int64_t k_tiles;
  int64_t column_tiles;
  float* c;  ///< [rows, 16 column_tiles], 64-byte aligned
  int64_t c_stride;
};
using Bf16ProductFn = void (*)(const Bf16ProductArgs& args);

/// By AVX-512 BF16 and AMX; null where the project is built for another processor family. To be called where
/// HasAvx512Bf16() and HasAmxBf16() say so.
Bf16ProductFn Avx512Bf16Product();
Bf16ProductFn AmxBf16Product();

}  // namespace w8a16
