#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "w8a16/tensor.h"

namespace w8a16::testing {

__extension__ using Int128 = __int128;

/// The definition of W8A16, written down once more, word for word and without any of the library's code for it.
class OracleRow {
 public:
  /// `activation_bits`, 16 or 24, is for float32 x only.
  OracleRow(ConstMatrix x, int64_t row, int activation_bits = 24) {
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
    const bool three = (x.dtype == DType::kF32 && activation_bits == 24) || 4 * small > 3 * nonzero;
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

}  // namespace w8a16::testing
