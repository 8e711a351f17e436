// The activations of docs/quantization_explanation.md's worked example: every step written out, and the layer's result.

#include "testing/explanation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "testing/isas.h"
#include "w8a16/linear.h"

namespace w8a16 {
namespace {

using ::w8a16::testing::Floats;
using ::w8a16::testing::ForEachIsa;
using ::w8a16::testing::LoadAll;
using ::w8a16::testing::ReadWorkedExample;
using ::w8a16::testing::StoreAll;

struct ExampleLayer {
  std::vector<int8_t> q;
  std::vector<float> scales;
  int64_t n = 0;
  int64_t k = 0;
};

ExampleLayer LayerOf(const nlohmann::json& example) {
  const nlohmann::json& stored = example.at("scales").at(0);
  EXPECT_EQ(stored.at("dtype"), "F32");
  ExampleLayer layer;
  for (const nlohmann::json& row : stored.at("q")) {
    for (const nlohmann::json& value : row) layer.q.push_back(value.get<int8_t>());
  }
  layer.scales = Floats(stored.at("scale"));
  layer.n = static_cast<int64_t>(layer.scales.size());
  layer.k = static_cast<int64_t>(layer.q.size()) / layer.n;
  return layer;
}

float FloatAt(const nlohmann::json& row, const char* key) { return static_cast<float>(row.at(key).get<double>()); }

TEST(WorkedExample, EveryStepOfTheActivations) {
  const nlohmann::json example = ReadWorkedExample();
  const ExampleLayer layer = LayerOf(example);
  for (const nlohmann::json& row : example.at("activations")) {
    SCOPED_TRACE(row.at("x").dump());
    const std::vector<float> x = Floats(row.at("x"));
    ASSERT_EQ(static_cast<int64_t>(x.size()), layer.k);
    const bool three = row.at("dtype") == "F32";
    float largest = 0;
    for (float value : x) largest = std::max(largest, std::abs(value));
    const float pre_scale = largest < 0x1p-100F ? 0x1p100F : 1.0F;
    const float a = largest * pre_scale;
    const float r = three ? 8355711.0F : 32639.0F;
    const float multiplier = r / a;
    const float x_scale = a / r;
    EXPECT_EQ(FloatAt(row, "pre_scale"), pre_scale);
    EXPECT_EQ(FloatAt(row, "a"), a);
    EXPECT_EQ(FloatAt(row, "R"), r);
    EXPECT_EQ(row.at("digits"), three ? 3 : 2);
    EXPECT_EQ(FloatAt(row, "multiplier"), multiplier);
    EXPECT_EQ(FloatAt(row, "x_scale"), x_scale);

    const auto xi = row.at("xi").get<std::vector<int64_t>>();
    const auto digit_rows = row.at("digit_rows").get<std::vector<std::vector<int64_t>>>();
    for (size_t k = 0; k < x.size(); ++k) {
      const float scaled = x[k] * pre_scale * multiplier;
      EXPECT_EQ(static_cast<float>(xi[k]), std::clamp(std::nearbyint(scaled), -r, r)) << "element " << k;
      int64_t from_digits = 0;
      for (const std::vector<int64_t>& digits : digit_rows) {
        EXPECT_TRUE(digits[k] >= -128 && digits[k] <= 127);
        from_digits = from_digits * 256 + digits[k];
      }
      EXPECT_EQ(from_digits, xi[k]) << "element " << k;
    }

    for (int64_t n = 0; n < layer.n; ++n) {
      SCOPED_TRACE(::testing::Message() << "output " << n);
      const auto i = static_cast<size_t>(n);
      const auto dot = [&](const std::vector<int64_t>& values) {
        int64_t sum = 0;
        for (int64_t k = 0; k < layer.k; ++k)
          sum += layer.q[static_cast<size_t>(n * layer.k + k)] * values[static_cast<size_t>(k)];
        return sum;
      };
      for (size_t d = 0; d < digit_rows.size(); ++d) EXPECT_EQ(row.at("digit_sums")[i][d], dot(digit_rows[d]));
      const int64_t sum = dot(xi);
      EXPECT_EQ(row.at("S")[i], sum);
      const float c = x_scale * layer.scales[i];
      EXPECT_EQ(Floats(row.at("c"))[i], c);
      float t = static_cast<float>(sum) * c;
      if (pre_scale != 1) t *= 0x1p-100F;
      EXPECT_EQ(Floats(row.at("t"))[i], t);
      const float y = row.at("bias").is_null() ? t : t + Floats(row.at("bias"))[i];
      EXPECT_EQ(Floats(row.at("y_float32"))[i], y);
    }
  }
}

TEST(WorkedExample, TheLayerGivesTheseBits) {
  const nlohmann::json example = ReadWorkedExample();
  const ExampleLayer layer = LayerOf(example);
  ForEachIsa([&] {
    for (const nlohmann::json& row : example.at("activations")) {
      SCOPED_TRACE(row.at("x").dump());
      const DType dtype = ParseDTypeName(row.at("dtype").get<std::string>());
      const std::vector<float> bias = row.at("bias").is_null() ? std::vector<float>() : Floats(row.at("bias"));
      const Linear linear(Int8Weights{.data = layer.q.data(),
                                      .encoding = Int8Encoding::kSigned,
                                      .out_features = layer.n,
                                      .in_features = layer.k,
                                      .row_stride = layer.k,
                                      .scales = layer.scales.data(),
                                      .scale_dtype = DType::kF32,
                                      .bias = bias.empty() ? nullptr : bias.data(),
                                      .bias_dtype = DType::kF32,
                                      .owner = nullptr},
                          "example");
      const std::vector<std::byte> x = StoreAll(Floats(row.at("x")), dtype);
      ASSERT_EQ(LoadAll(x, dtype), Floats(row.at("x"))) << "the example's x is not of its dtype";
      const ConstMatrix x_matrix{x.data(), dtype, 1, layer.k, layer.k};
      Workspace workspace;
      std::vector<float> y_float32(static_cast<size_t>(layer.n));
      linear.Forward(x_matrix, {y_float32.data(), DType::kF32, 1, layer.n, layer.n}, workspace);
      EXPECT_EQ(y_float32, Floats(row.at("y_float32")));
      std::vector<std::byte> y(static_cast<size_t>(layer.n) * DTypeSize(dtype));
      linear.Forward(x_matrix, {y.data(), dtype, 1, layer.n, layer.n}, workspace);
      EXPECT_EQ(LoadAll(y, dtype), Floats(row.at("y")));
    }
  });
}

TEST(WorkedExample, FloatLayerIsTheOriginalProduct) {
  const nlohmann::json example = ReadWorkedExample();
  for (const nlohmann::json& row : example.at("activations")) {
    const std::vector<float> x = Floats(row.at("x"));
    for (size_t n = 0; n < example.at("weights").size(); ++n) {
      const std::vector<float> w = Floats(example.at("weights")[n]);
      double y = row.at("bias").is_null() ? 0 : Floats(row.at("bias"))[n];
      for (size_t k = 0; k < w.size(); ++k) y += static_cast<double>(w[k]) * x[k];
      EXPECT_NEAR(row.at("float_layer")[n].get<double>(), y, std::abs(y) * 1e-14);
    }
  }
}

}  // namespace
}  // namespace w8a16
