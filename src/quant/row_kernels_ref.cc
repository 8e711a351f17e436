#include <algorithm>
#include <bit>
#include <cmath>

#include "quant/row_kernels.h"

namespace w8a16 {
namespace {

uint32_t MaxMagnitude(const void* row, DType dtype, size_t n) {
  // float32 holds the other types exactly, so the maximum may be taken there; NaNs have no order as numbers.
  uint32_t max = 0;
  for (size_t i = 0; i < n; ++i) {
    const float value = LoadFloat(row, dtype, static_cast<int64_t>(i));
    max = std::max(max, std::bit_cast<uint32_t>(value) & 0x7FFFFFFFU);
  }
  const auto value = std::bit_cast<float>(max);
  if (dtype == DType::kF32) return max;
  return dtype == DType::kBF16 ? FloatToBF16(value) : FloatToF16(value);
}

void QuantizeRow(const void* row, DType dtype, size_t n, float scale, uint8_t flip, uint8_t* out) {
  for (size_t i = 0; i < n; ++i) {
    const float quotient = LoadFloat(row, dtype, static_cast<int64_t>(i)) / scale;
    const float q = std::clamp(std::nearbyint(quotient), -127.0F, 127.0F);
    out[i] = static_cast<uint8_t>(static_cast<uint8_t>(static_cast<int8_t>(q)) ^ flip);
  }
}

void MeasureRow(const void* row, DType dtype, size_t n, float scale, uint8_t flip, const uint8_t* quantized,
                QuantizationError* error) {
  double squares[kMeasureLanes] = {};
  double weights2[kMeasureLanes] = {};
  for (size_t i = 0; i < n; ++i) {
    const double w = LoadFloat(row, dtype, static_cast<int64_t>(i));
    const double q = static_cast<int8_t>(quantized[i] ^ flip);
    const double difference = w - q * static_cast<double>(scale);
    squares[i % kMeasureLanes] += difference * difference;
    weights2[i % kMeasureLanes] += w * w;
    error->max_abs = std::max(error->max_abs, std::abs(difference));
  }
  error->sum_squares += SumLanes(squares);
  error->sum_weights2 += SumLanes(weights2);
}

}  // namespace

const RowKernels kReferenceRowKernels = {MaxMagnitude, QuantizeRow, MeasureRow};

}  // namespace w8a16
