#pragma once

#include <cstddef>
#include <cstdint>

#include "base/isa.h"
#include "w8a16/dtype.h"
#include "w8a16/quantize.h"

namespace w8a16 {

/// What quantization does with one row of n weights of `dtype` (kF32, kF16 or kBF16), for one instruction set. Every
/// instruction set gives the same bits. Rows need no alignment; functions do not throw or allocate, and want the
/// default rounding and denormal mode.
struct RowKernels {
  /// The largest magnitude, as the bits of `dtype` without the sign: bit patterns order as numbers do, and infinities
  /// and NaNs come last.
  uint32_t (*max_magnitude)(const void* row, DType dtype, size_t n);
  /// out[i] = round_half_to_even(row[i] / scale) ^ flip. |row[i] / scale| <= 127.49.
  void (*quantize)(const void* row, DType dtype, size_t n, float scale, uint8_t flip, uint8_t* out);
  /// Adds the errors of q = quantized[i] ^ flip (as int8) to `error` (all but count): sums of 16 lanes, element i in
  /// lane i mod 16, added pairwise, so that they too are the same everywhere.
  void (*measure)(const void* row, DType dtype, size_t n, float scale, uint8_t flip, const uint8_t* quantized,
                  QuantizationError* error);
};

/// Rows of this many elements are what `measure` sums side by side.
inline constexpr size_t kMeasureLanes = 16;

/// The plain transcription of the definitions, and the oracle of the others.
extern const RowKernels kReferenceRowKernels;

/// Those that run fastest on an available instruction set.
const RowKernels& RowKernelsFor(Isa isa);

/// The last step of `measure`: lanes of sums are added pairwise.
inline double SumLanes(const double* lanes) {
  double sums[kMeasureLanes];
  for (size_t i = 0; i < kMeasureLanes; ++i) sums[i] = lanes[i];
  for (size_t half = kMeasureLanes / 2; half > 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) sums[i] += sums[i + half];
  }
  return sums[0];
}

}  // namespace w8a16
