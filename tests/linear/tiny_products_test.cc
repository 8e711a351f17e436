// What docs/quantization_explanation.md says of layers whose results are near the smallest float32 numbers ("Tiny
// products").

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "testing/isas.h"
#include "testing/w8a16_oracle.h"
#include "w8a16/linear.h"
#include "w8a16/quantize.h"

namespace w8a16 {
namespace {

using testing::ForEachIsa;
using testing::Random;

// One row of weights and one of x.
struct Product {
  std::vector<float> w;
  std::vector<float> x;

  QuantizedMatrix Quantized() const {
    const auto k = static_cast<int64_t>(w.size());
    return Quantize({w.data(), DType::kF32, 1, k, k});
  }
  double Result(const QuantizedMatrix& q, ActivationBits bits) const {
    const auto k = static_cast<int64_t>(w.size());
    Int8Weights weights;
    weights.data = q.weights.data();
    weights.out_features = 1;
    weights.in_features = weights.row_stride = k;
    weights.scales = q.scales.data();
    const Linear layer(weights, "tiny");
    Workspace workspace;
    float y = 0;
    layer.Forward({x.data(), DType::kF32, 1, k, k}, {&y, DType::kF32, 1, 1, 1}, workspace, bits);
    return y;
  }
  double Exact(const QuantizedMatrix& q) const {
    double y = 0;
    for (size_t k = 0; k < w.size(); ++k) {
      y += static_cast<double>(q.weights[k]) * static_cast<double>(q.scales[0]) * static_cast<double>(x[k]);
    }
    return y;
  }
};

double Norm(const std::vector<float>& values) {
  double sum = 0;
  for (float value : values) sum += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(sum);
}

float Largest(const std::vector<float>& values) {
  float largest = 0;
  for (float value : values) largest = std::max(largest, std::fabs(value));
  return largest;
}

TEST(TinyProducts, TheMeasuredRows) {
  struct Row {
    float weight;
    double error;  // of y, relative
  };
  for (const Row& row : {Row{1e-29F, 1.5e-7}, Row{1e-31F, 6.6e-6}, Row{1e-33F, 7.2e-4}, Row{1e-35F, 0.041},
                         Row{1e-36F, 0.49}, Row{1e-37F, 1.0}}) {
    const Product product{std::vector<float>(8, row.weight), std::vector<float>(8, 1.0F)};
    const QuantizedMatrix q = product.Quantized();
    const double exact = product.Exact(q);
    ForEachIsa([&] {
      const double error = std::fabs(product.Result(q, ActivationBits::k24) - exact) / exact;
      EXPECT_NEAR(error, row.error, row.error / 20 + 2e-7) << row.weight;
    });
  }
}

TEST(TinyProducts, TheBoundHoldsEverywhere) {
  constexpr size_t kLength = 200;
  Random random(1);
  for (ActivationBits bits : {ActivationBits::k16, ActivationBits::k24}) {
    // A row under the outlier rule would have three digits; these are not.
    const double r = bits == ActivationBits::k24 ? 8355711 : 32639;
    const double step = bits == ActivationBits::k24 ? 1e-5 : std::sqrt(kLength) / (2 * r) + 1e-5;
    for (int w_exponent = -148; w_exponent <= 0; w_exponent += 4) {
      for (int x_exponent = -148; x_exponent <= 40; x_exponent += 4) {
        Product product;
        for (size_t k = 0; k < kLength; ++k) {
          product.w.push_back(std::ldexp(random.Uniform() - 0.5F, w_exponent));
          product.x.push_back(std::ldexp(random.Uniform() - 0.5F, x_exponent));
        }
        const QuantizedMatrix q = product.Quantized();
        std::vector<float> dequantized;
        for (int8_t value : q.weights) dequantized.push_back(static_cast<float>(value) * q.scales[0]);
        const double error = std::fabs(product.Result(q, bits) - product.Exact(q));
        const double ordinary = step * Norm(product.x) * Norm(dequantized);
        const bool tiny_x = Largest(product.x) < 0x1p-100F;
        // S has |S| <= 127 R K and its factor is off by half a subnormal step; rows that are tiny themselves come back
        // from 2^100 times that, and round once at their end.
        const double factor = 127 * r * kLength * 0x1p-150 * (tiny_x ? 0x1p-100 : 1);
        EXPECT_LE(error, ordinary + factor + 0x1p-149) << w_exponent << " " << x_exponent;
        if (static_cast<double>(Largest(product.x)) * static_cast<double>(q.scales[0]) >= r * 0x1p-126 && !tiny_x) {
          EXPECT_LE(error, ordinary) << w_exponent << " " << x_exponent << ": no exception";
        }
      }
    }
  }
}

}  // namespace
}  // namespace w8a16
