#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "w8a16/quantize.h"
#include "w8a16/tensor.h"

namespace w8a16::testing {

__extension__ using Int128 = __int128;

/// The definition of W8A16, written down once more, word for word and without any of the library's code for it.
class OracleRow {
 public:
  OracleRow(ConstMatrix x, int64_t row) {
    for (int64_t k = 0; k < x.cols; ++k) x_.push_back(LoadFloat(x.Row(row), x.dtype, k));
    float a = 0;
    for (float v : x_) {
      finite_ = finite_ && std::isfinite(v);
      a = std::max(a, std::fabs(v));
    }
    if (!finite_) return;
    int64_t nonzero = 0;
    int64_t small = 0;
    for (float v : x_) {
      nonzero += v != 0 ? 1 : 0;
      small += v != 0 && static_cast<long double>(std::fabs(v)) < static_cast<long double>(a) / 256 ? 1 : 0;
    }
    const bool three = x.dtype == DType::kF32 || 4 * small > 3 * nonzero;
    const float r = three ? 8355711.0F : 32639.0F;
    std::vector<float> v = x_;
    pre_scaled_ = a > 0 && a < 0x1p-100F;
    if (pre_scaled_) {
      for (float& value : v) value *= 0x1p100F;
      a *= 0x1p100F;
    }
    x_scale_ = a > 0 ? a / r : 0;
    const float multiplier = a > 0 ? r / a : 0;
    for (float value : v) {
      const float product = value * multiplier;
      xi_.push_back(static_cast<int64_t>(std::clamp(std::nearbyint(product), -r, r)));
    }
  }

  bool finite() const { return finite_; }

  float Result(const int8_t* q, float scale, const float* bias) const {
    float y = finite_ ? Finite(q, scale, bias) : NotFinite(q, scale, bias);
    return std::isnan(y) ? std::bit_cast<float>(0x7FC00000U) : y;
  }

 private:
  float Finite(const int8_t* q, float scale, const float* bias) const {
    Int128 s = 0;
    for (size_t k = 0; k < xi_.size(); ++k) s += static_cast<Int128>(q[k]) * xi_[k];
    if (s == 0) return bias != nullptr ? *bias : 0.0F;
    // A long double holds 64 bits: the only rounding is the one to float.
    volatile float t = static_cast<float>(static_cast<long double>(s));
    const volatile float c = x_scale_ * scale;
    t = t * c;
    if (pre_scaled_) t = t * 0x1p-100F;
    if (bias != nullptr) t = t + *bias;
    return t;
  }

  float NotFinite(const int8_t* q, float scale, const float* bias) const {
    float lane[16] = {};
    for (size_t k = 0; k < x_.size(); ++k) {
      const volatile float product = static_cast<float>(q[k]) * x_[k];
      lane[k % 16] = lane[k % 16] + product;
    }
    for (int i = 0; i < 8; ++i) lane[i] = lane[i] + lane[i + 8];
    for (int i = 0; i < 4; ++i) lane[i] = lane[i] + lane[i + 4];
    for (int i = 0; i < 2; ++i) lane[i] = lane[i] + lane[i + 2];
    volatile float y = lane[0] + lane[1];
    y = y * scale;
    if (bias != nullptr) y = y + *bias;
    return y;
  }

  std::vector<float> x_;
  std::vector<int64_t> xi_;
  bool finite_ = true;
  bool pre_scaled_ = false;
  float x_scale_ = 0;
};

/// A small generator with the same numbers everywhere.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2 + 1) {}
  uint32_t Bits() {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<uint32_t>(state_ >> 33) ^ static_cast<uint32_t>(state_ >> 11);
  }
  int64_t Below(int64_t n) { return static_cast<int64_t>(Bits() % static_cast<uint64_t>(n)); }
  float Uniform() { return static_cast<float>(Bits() >> 8) * 0x1p-24F; }  // [0, 1)
  /// Roughly normal.
  float Normal() { return (Uniform() + Uniform() + Uniform() + Uniform() - 2.0F) * 1.7F; }

 private:
  uint64_t state_;
};

/// A layer and its input in memory as unfriendly as allowed: rows of odd strides, padding that would spoil any result.
struct Problem {
  int64_t m, n, k;
  DType dtype = DType::kF32;
  DType y_dtype = DType::kF32;
  Int8Encoding encoding = Int8Encoding::kSigned;
  bool with_bias = true;
  int64_t x_stride = 0, w_stride = 0, y_stride = 0;
  std::vector<int8_t> q;  ///< [n, k]
  std::vector<uint8_t> weights;
  std::vector<float> scales, bias;
  std::vector<std::byte> x;

  Problem(int64_t m_, int64_t n_, int64_t k_, DType x_type, DType y_type, Int8Encoding enc, bool has_bias,
          uint64_t seed)
      : m(m_), n(n_), k(k_), dtype(x_type), y_dtype(y_type), encoding(enc), with_bias(has_bias) {
    Random random(seed);
    x_stride = k + 3;
    w_stride = k + 5;
    y_stride = n + 7;
    q.resize(static_cast<size_t>(n * k));
    for (int8_t& value : q) value = static_cast<int8_t>(random.Below(255) - 127);
    for (int64_t i = 0; i < n; ++i) scales.push_back(0.001F + random.Uniform());
    for (int64_t i = 0; i < n; ++i) bias.push_back(random.Normal());
    x.resize(static_cast<size_t>(m * x_stride) * DTypeSize(dtype));
    for (int64_t i = 0; i < m * x_stride; ++i) {
      const bool padding = i % x_stride >= k;
      StoreFloat(x.data(), dtype, i, padding ? std::numeric_limits<float>::quiet_NaN() : random.Normal());
    }
    Encode();
  }

  /// q to weights, after q was changed.
  void Encode() {
    weights.assign(static_cast<size_t>(n * w_stride), 0x55);
    for (int64_t i = 0; i < n * k; ++i) {
      const auto byte = static_cast<uint8_t>(q[static_cast<size_t>(i)]);
      weights[static_cast<size_t>(i / k * w_stride + i % k)] = encoding == Int8Encoding::kFlipped ? byte ^ 0x80 : byte;
    }
  }
  void SetX(int64_t row, int64_t col, float value) { StoreFloat(x.data(), dtype, row * x_stride + col, value); }
  ConstMatrix X() const { return {x.data(), dtype, m, k, x_stride}; }
  const float* Bias() const { return with_bias ? bias.data() : nullptr; }

  /// y as the definition has it, [m, y_stride] with 0xA5 in the padding.
  std::vector<std::byte> Expected() const {
    std::vector<std::byte> y = Blank();
    for (int64_t i = 0; i < m; ++i) {
      const OracleRow row(X(), i);
      for (int64_t j = 0; j < n; ++j) {
        const auto at = static_cast<size_t>(j);
        const float value = row.Result(q.data() + j * k, scales[at], with_bias ? &bias[at] : nullptr);
        StoreFloat(y.data(), y_dtype, i * y_stride + j, value);
      }
    }
    return y;
  }
  std::vector<std::byte> Blank() const {
    return std::vector<std::byte>(static_cast<size_t>(m * y_stride) * DTypeSize(y_dtype), std::byte{0xA5});
  }
  Matrix Y(std::vector<std::byte>& y) const { return {y.data(), y_dtype, m, n, y_stride}; }

  /// Empty where equal, else the first difference.
  std::string Difference(const std::vector<std::byte>& expected, const std::vector<std::byte>& actual) const {
    const size_t size = DTypeSize(y_dtype);
    for (size_t i = 0; i < expected.size() / size; ++i) {
      if (std::memcmp(expected.data() + i * size, actual.data() + i * size, size) == 0) continue;
      const auto at = static_cast<int64_t>(i);
      return "y[" + std::to_string(at / y_stride) + ", " + std::to_string(at % y_stride) + "] is " +
             std::to_string(LoadFloat(actual.data(), y_dtype, at)) + " instead of " +
             std::to_string(LoadFloat(expected.data(), y_dtype, at)) + " (m " + std::to_string(m) + ", n " +
             std::to_string(n) + ", k " + std::to_string(k) + ")";
    }
    return "";
  }
};

}  // namespace w8a16::testing
