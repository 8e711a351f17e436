#pragma once

#include <cstddef>
#include <cstdint>

#include "w8a16/quantize.h"
#include "w8a16/tensor.h"

namespace w8a16 {

/// R of a row of two or three balanced base-256 digits: 127·256 + 127, and that times 256 plus 127.
inline constexpr float kTwoDigitMax = 32639.0F;
inline constexpr float kThreeDigitMax = 8355711.0F;
/// Longest row whose 8-bit digit products fit a 32-bit sum; 8-bit kernels flush to 64 bits after so many.
inline constexpr int64_t kMaxDigitSumLength = 65536;

/// How one row of x becomes integers: xi = clamp(round(x * pre_scale * multiplier), -R, R).
struct RowScale {
  float pre_scale;   ///< 2^100 for rows whose largest element is below 2^-100, else 1
  float multiplier;  ///< R / a with a = max|x| * pre_scale; 0 for a row of zeros
  float scale;       ///< a / R; 0 for a row of zeros
  float limit;       ///< R, as a float; 0 for a row that is not finite (it is packed as zeros)
  int32_t digits;    ///< 2 or 3; 0 where the row has an infinity or NaN (NonFiniteRow computes its result)
  int32_t
      first_part;  ///< parts (LinearKernel::parts) of all earlier rows together: the index of this row's lowest part
};

/// What Multiply reads and writes for one layer. Outputs [n_begin, n_end) of all m rows.
struct MultiplyArgs {
  const std::byte* packed;  ///< as the same kernel's Pack wrote it
  const RowScale* rows;     ///< [m], possibly some of the rows that were packed
  int64_t first_row;        ///< index of rows[0] among those that were packed, a multiple of LinearKernel::row_align
  int64_t m;
  int64_t k;
  const uint8_t* weights;  ///< [n, k] bytes in `encoding`, rows weight_stride bytes apart; bytes past k are never used
  int64_t weight_stride;
  Int8Encoding encoding;
  const float* scales;  ///< [n]
  const float* bias;    ///< [n] or null
  int64_t n_begin;
  int64_t n_end;
  Matrix y;  ///< [m, n] of kF32, kF16 or kBF16; rows that are not finite may be written with anything
};

/// One family of W8A16 kernels: how it wants x laid out, and the product. Functions do not throw, allocate or start
/// threads; different ranges may run side by side. The results have the same bits in every family.
struct LinearKernel {
  /// Null where the kernel can do a layer with rows of length k; else why not.
  const char* (*declines)(int64_t k);
  /// How many parts a row with 0, 1, 2 or 3 digits is packed as; S is a sum over parts.
  int32_t parts[4];
  /// Rows that are packed together: ranges of rows are cut at multiples of it.
  int64_t row_align;
  /// Bytes of packed x that suffice for m rows of any number of digits.
  size_t (*packed_bytes)(int64_t m, int64_t k);
  /// Packs rows [m_begin, m_end) of x (kF32, kF16 or kBF16) as integers of `rows`.
  void (*pack)(ConstMatrix x, const RowScale* rows, int64_t m_begin, int64_t m_end, std::byte* packed);
  /// Outputs that Multiply likes to be given together: ranges are cut at multiples of it.
  int64_t n_align;
  void (*multiply)(const MultiplyArgs& args);
};

/// RowScale without first_part for rows [m_begin, m_end) of x: exact comparisons, so the same everywhere. (Per
/// instruction set, because it reads all of x.) `digits`: 3 for all rows, or 2 and 3 only for rows in which more than
/// three quarters of the non-zero elements are smaller than the largest / 256 (outliers).
using MeasureRowsFn = void (*)(ConstMatrix x, int32_t digits, int64_t m_begin, int64_t m_end, RowScale* rows);

/// The RowScale of a finite row whose largest element is `largest`, as 2 or 3 digits.
RowScale MakeRowScale(float largest, int32_t digits);
/// The RowScale of a row with an infinity or NaN.
RowScale NonFiniteRowScale();

/// The result of a row with an infinity or NaN for outputs [n_begin, n_end): 16 float32 lanes and a fixed tree. One
/// plain implementation for all instruction sets.
void NonFiniteRow(const void* x, DType x_dtype, const MultiplyArgs& args, int64_t row);

}  // namespace w8a16
