#pragma once

#include <array>
#include <utility>

#include "kernels/pack_kernels.h"

namespace w8a16 {

inline constexpr int kMaxDotOutputs = 8;
inline constexpr int kMaxDotParts = 8;
/// Outputs of one block of DotMultiply; a multiple of DotKernel::outputs, as sums are written by whole tiles.
inline constexpr int64_t kBlockOutputs = 48;
/// Groups of parts for which weights are read straight from their rows; for more they are copied to a panel first.
inline constexpr int kRowGroups = 5;
inline constexpr int kMaxPanelAhead = 2;

/// Rows of the next tile that each of `groups` products fetches, so that all of them are there in the end.
constexpr int AheadOf(int outputs, int groups) { return (outputs + groups - 1) / groups; }

/// sums[part][o] += 2^shifts[part] times the sum over k of weights[o][k] * part[k], exact.
struct DotArgs {
  const uint8_t* weights[kMaxDotOutputs];  ///< rows as they lie in memory, or rows of a panel
  const std::byte* parts;                  ///< first element of the first part, 64-byte aligned
  int64_t part_stride;
  int64_t k;  ///< at most DotKernel::max_sum_k
  int64_t* sums[kMaxDotParts];
  uint8_t shifts[kMaxDotParts];
  /// Rows of weights of which the first k bytes are fetched into the cache meanwhile; how many depends on the function.
  /// They need not be there.
  const uint8_t* ahead;
  int64_t ahead_stride;
};
using DotFn = void (*)(const DotArgs& args);

/// What an instruction set brings to DotMultiply: a few rows of weights times a few parts of x, both read along k, all
/// accumulators in registers. Weights are taken as signed numbers or as unsigned ones, q + 128; DotMultiply corrects
/// that.
struct DotKernel {
  int outputs;
  int parts;
  /// So few parts make one group: weights are used once, straight from memory, in tiles of fewer outputs, which fit the
  /// first-level cache while the next one is fetched.
  int stream_parts;
  std::array<int, kMaxDotParts> stream_outputs;  ///< by parts - 1
  int element_bytes;                             ///< of parts: 1 or 2
  int part_bits;                                 ///< a part counts 2^part_bits times the one below it
  int64_t max_sum_k;                             ///< longest stretch of k: 32-bit sums do not overflow
  int64_t max_k;  ///< the same that fits the first-level cache, for weights that are used again
  int64_t panel_element_bytes;
  bool unsigned_weights[2];  ///< by Int8Encoding
  /// Rows straight from memory, stream_outputs of them and as many fetched, by Int8Encoding and parts - 1; null beyond
  /// stream_parts.
  std::array<DotFn, kMaxDotParts> stream[2];
  /// Rows straight from memory, by Int8Encoding, groups - 2 (fetching AheadOf(outputs, groups)), and parts - 1.
  std::array<std::array<DotFn, kMaxDotParts>, kRowGroups - 1> rows[2];
  /// From a panel, by the number of rows fetched and parts - 1.
  std::array<std::array<DotFn, kMaxDotParts>, kMaxPanelAhead + 1> panel;
  /// Copies rows [outputs] of k weights to a panel: elements as the kernel likes them, rows panel_stride bytes apart,
  /// zero (or anything) up to a multiple of 64 bytes.
  void (*make_panel[2])(const uint8_t* const* weights, int64_t k, std::byte* panel, int64_t panel_stride);
};

/// LinearKernel::multiply by `kernel`, for x packed by `rows`.
void DotMultiply(const DotKernel& kernel, const PackKernels& rows, const MultiplyArgs& args);

}  // namespace w8a16
