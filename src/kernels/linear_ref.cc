#include "kernels/linear_ref.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace w8a16 {
namespace {

constexpr float kTiny = 0x1p-100F;
constexpr float kPreScale = 0x1p100F;

// Every NaN that leaves the library has these bits, whatever sign or payload the processor gave it.
float Canonical(float value) { return std::isnan(value) ? std::bit_cast<float>(0x7FC00000U) : value; }

int32_t WeightAt(const MultiplyArgs& args, int64_t n, int64_t k) {
  const uint8_t byte = args.weights[n * args.weight_stride + k];
  return static_cast<int8_t>(args.encoding == Int8Encoding::kFlipped ? byte ^ 0x80 : byte);
}

const char* Declines(int64_t /*k*/) { return nullptr; }

size_t PackedBytes(int64_t m, int64_t k) { return static_cast<size_t>(m * k) * sizeof(int32_t); }

void Pack(ConstMatrix x, const RowScale* rows, int64_t m_begin, int64_t m_end, std::byte* packed) {
  for (int64_t m = m_begin; m < m_end; ++m) {
    const RowScale& row = rows[m];
    if (row.digits == 0) continue;
    int32_t* out = reinterpret_cast<int32_t*>(packed) + row.first_part * x.cols;
    for (int64_t k = 0; k < x.cols; ++k) {
      const float scaled = LoadFloat(x.Row(m), x.dtype, k) * row.pre_scale * row.multiplier;
      out[k] = static_cast<int32_t>(std::clamp(std::nearbyint(scaled), -row.limit, row.limit));
    }
  }
}

float Finish(int64_t sum, const RowScale& row, float scale, const float* bias) {
  if (sum == 0) return bias == nullptr ? 0.0F : *bias;
  const float c = row.scale * scale;
  float t = static_cast<float>(sum) * c;
  if (row.pre_scale != 1.0F) t *= kTiny;
  return bias == nullptr ? t : t + *bias;
}

void Multiply(const MultiplyArgs& args) {
  for (int64_t m = 0; m < args.m; ++m) {
    const RowScale& row = args.rows[m];
    if (row.digits == 0) continue;
    const int32_t* x = reinterpret_cast<const int32_t*>(args.packed) + row.first_part * args.k;
    for (int64_t n = args.n_begin; n < args.n_end; ++n) {
      int64_t sum = 0;
      for (int64_t k = 0; k < args.k; ++k) sum += static_cast<int64_t>(WeightAt(args, n, k)) * x[k];
      const float* bias = args.bias == nullptr ? nullptr : args.bias + n;
      StoreFloat(args.y.Row(m), args.y.dtype, n, Canonical(Finish(sum, row, args.scales[n], bias)));
    }
  }
}

}  // namespace

RowScale MakeRowScale(float largest, int32_t digits) {
  const float limit = digits == 3 ? kThreeDigitMax : kTwoDigitMax;
  if (largest == 0.0F) return {1.0F, 0.0F, 0.0F, limit, digits, 0};
  const float pre_scale = largest < kTiny ? kPreScale : 1.0F;
  const float a = largest * pre_scale;
  return {pre_scale, limit / a, a / limit, limit, digits, 0};
}

RowScale NonFiniteRowScale() { return {1.0F, 0.0F, 0.0F, 0.0F, 0, 0}; }

void NonFiniteRow(const void* x, DType x_dtype, const MultiplyArgs& args, int64_t row) {
  constexpr int64_t kLanes = 16;
  for (int64_t n = args.n_begin; n < args.n_end; ++n) {
    float lanes[kLanes] = {};
    for (int64_t k = 0; k < args.k; ++k) {
      const float product = static_cast<float>(WeightAt(args, n, k)) * LoadFloat(x, x_dtype, k);
      lanes[k % kLanes] += product;
    }
    for (int64_t half = kLanes / 2; half > 0; half /= 2) {
      for (int64_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
    }
    float y = lanes[0] * args.scales[n];
    if (args.bias != nullptr) y += args.bias[n];
    StoreFloat(args.y.Row(row), args.y.dtype, n, Canonical(y));
  }
}

void MeasureRowsRef(ConstMatrix x, int32_t digits, int64_t m_begin, int64_t m_end, RowScale* rows) {
  for (int64_t m = m_begin; m < m_end; ++m) {
    float largest = 0.0F;
    bool finite = true;
    for (int64_t k = 0; k < x.cols; ++k) {
      const float value = LoadFloat(x.Row(m), x.dtype, k);
      finite = finite && std::isfinite(value);
      largest = std::max(largest, std::fabs(value));
    }
    if (!finite) {
      rows[m] = NonFiniteRowScale();
      continue;
    }
    // In double a / 256 is exact for the smallest a, too.
    const double small_below = static_cast<double>(largest) / 256;
    int64_t nonzero = 0;
    int64_t small = 0;
    for (int64_t k = 0; k < x.cols; ++k) {
      const float value = std::fabs(LoadFloat(x.Row(m), x.dtype, k));
      nonzero += value != 0.0F ? 1 : 0;
      small += value != 0.0F && static_cast<double>(value) < small_below ? 1 : 0;
    }
    rows[m] = MakeRowScale(largest, 4 * small > 3 * nonzero ? 3 : digits);
  }
}

const LinearKernel kLinearRef = {Declines, {0, 0, 1, 1}, 1, PackedBytes, Pack, 1, Multiply};

}  // namespace w8a16
