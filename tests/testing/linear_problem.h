#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "testing/w8a16_oracle.h"

namespace w8a16::testing {

/// A layer and its input in memory as unfriendly as allowed: rows of odd strides, padding that would spoil any result.
struct Problem {
  int64_t m, n, k;
  DType dtype = DType::kF32;
  DType y_dtype = DType::kF32;
  Int8Encoding encoding = Int8Encoding::kSigned;
  bool with_bias = true;
  int activation_bits = 24;  ///< of float32 x
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
      const OracleRow row(X(), i, activation_bits);
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
             std::to_string(n) + ", k " + std::to_string(k) + ", " + std::to_string(activation_bits) + " bits)";
    }
    return "";
  }
};

}  // namespace w8a16::testing
