#include <algorithm>
#include <cmath>
#include <limits>

#include "base/float_env.h"
#include "quant/row_kernels.h"
#include "w8a16/quantize.h"

namespace w8a16 {

void DequantizeRows(const void* weights, int64_t row_stride, Int8Encoding encoding, const float* scales, int64_t rows,
                    int64_t cols, float* out, int64_t out_stride) {
  const DefaultFloatEnv env;
  const uint8_t flip = encoding == Int8Encoding::kFlipped ? 0x80 : 0;
  for (int64_t r = 0; r < rows; ++r) {
    const uint8_t* q = static_cast<const uint8_t*>(weights) + r * row_stride;
    float* w = out + r * out_stride;
    for (int64_t c = 0; c < cols; ++c) w[c] = static_cast<float>(static_cast<int8_t>(q[c] ^ flip)) * scales[r];
  }
}

double QuantizationError::Rms() const { return count == 0 ? 0 : std::sqrt(sum_squares / static_cast<double>(count)); }

double QuantizationError::SqnrDb() const {
  if (sum_squares == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(sum_weights2 / sum_squares);
}

void QuantizationError::Merge(const QuantizationError& other) {
  max_abs = std::max(max_abs, other.max_abs);
  sum_squares += other.sum_squares;
  sum_weights2 += other.sum_weights2;
  count += other.count;
}

QuantizationError MeasureQuantization(ConstMatrix w, const QuantizedRowsOut& quantized) {
  const DefaultFloatEnv env;
  const RowKernels& kernels = RowKernelsFor(ActiveIsa());
  const uint8_t flip = quantized.encoding == Int8Encoding::kFlipped ? 0x80 : 0;
  QuantizationError error;
  for (int64_t r = 0; r < w.rows; ++r) {
    const float scale = LoadFloat(quantized.scales, quantized.scale_dtype, r);
    const uint8_t* q = static_cast<const uint8_t*>(quantized.weights) + r * quantized.row_stride;
    kernels.measure(w.Row(r), w.dtype, static_cast<size_t>(w.cols), scale, flip, q, &error);
  }
  error.count = w.rows * w.cols;
  return error;
}

}  // namespace w8a16
