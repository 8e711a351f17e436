#pragma once

#include "base/isa.h"
#include "kernels/linear_kernel.h"

namespace w8a16 {

/// Packed x of the kernels that run along k: each part of a row is one run of integers, padded with zeros to a multiple
/// of 64 bytes, after a header of 64 bytes. (The odd number of cache lines keeps parts of rows of 4096 elements out of
/// each other's cache sets.) The header of a row's lowest part begins with sum(xi), an int64.
inline constexpr int64_t kPartHeader = 64;

/// Bytes from one part to the next, for elements of `element_bytes`.
constexpr int64_t PartStride(int64_t k, int64_t element_bytes) {
  return kPartHeader + (k * element_bytes + 63) / 64 * 64;
}

/// Sums to results: y[:, n_begin:n_begin + n] of `m` rows.
struct FinishArgs {
  const int64_t* sums;  ///< [m, sums_stride], S of outputs n_begin, ...; readable up to a multiple of 16
  int64_t sums_stride;
  const RowScale* rows;  ///< [m]
  int64_t m;
  const float* scales;  ///< of output n_begin, ...
  const float* bias;    ///< the same, or null
  int64_t n_begin;
  int64_t n;
  Matrix y;
};

/// The work on rows of x and y around the product of integers, for one vector length.
struct PackKernels {
  MeasureRowsFn measure;
  /// Parts of 16 bits: two digits make one part, three make two (the low 16 bits, balanced, and the rest).
  void (*pack_words)(ConstMatrix x, const RowScale* rows, int64_t m_begin, int64_t m_end, std::byte* packed);
  /// Parts of 8 bits, one for each digit, the lowest first.
  void (*pack_digits)(ConstMatrix x, const RowScale* rows, int64_t m_begin, int64_t m_end, std::byte* packed);
  void (*finish)(const FinishArgs& args);
};

/// For kSse4, kAvx2, kAvx512 and kNeon where they are built; null for others.
const PackKernels* PackKernelsFor(Isa isa);

}  // namespace w8a16
