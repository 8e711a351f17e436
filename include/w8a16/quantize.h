#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "w8a16/tensor.h"

namespace w8a16 {

/// How a byte stores a quantized weight q in [-127, 127].
enum class Int8Encoding : uint8_t {
  kSigned,   ///< the int8 q itself (`int-quantized` checkpoints)
  kFlipped,  ///< q ^ 0x80, that is q + 128 unsigned (`pack-quantized` checkpoints)
};

/// Where QuantizeRows writes. Nothing is owned.
struct QuantizedRowsOut {
  void* weights = nullptr;  ///< rows of cols bytes, `row_stride` bytes apart; padding bytes are left alone
  int64_t row_stride = 0;
  Int8Encoding encoding = Int8Encoding::kSigned;
  void* scales = nullptr;  ///< [rows] of scale_dtype
  DType scale_dtype = DType::kF32;
};

/// Quantizes each row of `w` (kF32, kF16 or kBF16) to 8 bits with one scale:
///   scale = max|w| / 127 in float32, rounded to the nearest number of scale_dtype,
///   q = clamp(round_half_to_even(w / scale), -127, 127), one float32 division by the scale as stored.
/// Where that scale is zero or subnormal in scale_dtype it is the smallest number of that dtype with
/// 127 scale >= max|w| instead, so that nothing clips. A row of zeros (or of no weights) gets scale 1 and q = 0.
/// The bits are the same on every instruction set. Runs on the calling thread alone: callers split rows with
/// ParallelFor. Throws Error for a NaN or infinite weight (naming `name`, row and column; `first_row` is added to the
/// row), for a scale that is infinite in scale_dtype, and for dtypes or strides that do not fit. What was written
/// before is then unspecified.
void QuantizeRows(ConstMatrix w, QuantizedRowsOut out, std::string_view name = "weight", int64_t first_row = 0);

/// An owned quantized matrix: weights [rows, cols] row-major, signed; one float32 scale per row.
struct QuantizedMatrix {
  int64_t rows = 0;
  int64_t cols = 0;
  std::vector<int8_t> weights;
  std::vector<float> scales;
};

/// QuantizeRows into memory of its own, on all threads. The scales are rounded to `scale_dtype`, then held as float32
/// (exact).
QuantizedMatrix Quantize(ConstMatrix w, DType scale_dtype = DType::kF32, std::string_view name = "weight");

/// w[r, c] = q[r, c] * scale[r], one float32 multiplication, into float32 `out` (rows `out_stride` elements apart).
void DequantizeRows(const void* weights, int64_t row_stride, Int8Encoding encoding, const float* scales, int64_t rows,
                    int64_t cols, float* out, int64_t out_stride);

/// How far a dequantized matrix is from the original, accumulated in float64 over any number of rows.
struct QuantizationError {
  double max_abs = 0;       ///< max |w - q s|
  double sum_squares = 0;   ///< sum (w - q s)^2
  double sum_weights2 = 0;  ///< sum w^2
  int64_t count = 0;

  double Rms() const;
  /// Signal-to-quantization-noise ratio 10 log10(sum w^2 / sum (w - q s)^2) in dB; infinite where nothing was lost.
  double SqnrDb() const;
  void Merge(const QuantizationError& other);
};

/// Compares `w` with its quantization as QuantizeRows wrote it.
QuantizationError MeasureQuantization(ConstMatrix w, const QuantizedRowsOut& quantized);

}  // namespace w8a16
