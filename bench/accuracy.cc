#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "cli/table.h"
#include "w8a16/linear.h"
#include "w8a16/quantize.h"

// What 16-bit and 24-bit integer activations cost on rows of x that are hard for them: errors of y against float64 with
// the same 8-bit weights, beside what rounding x to bfloat16 costs and what float32 arithmetic loses.

namespace w8a16 {
namespace {

constexpr int64_t kIn = 4096;
constexpr int64_t kOut = 512;

using Row = std::vector<float>;
using Engine = std::mt19937_64;

float Normal(Engine& engine) { return std::normal_distribution<float>()(engine); }

struct Case {
  const char* name;
  std::function<float(int64_t i, Engine& engine)> value;
};

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {"Gaussian", [](int64_t, Engine& e) { return Normal(e); }},
      {"one outlier, 100 times the rest", [](int64_t i, Engine& e) { return i == 17 ? 300.0F : Normal(e); }},
      {"one outlier, 10,000 times the rest", [](int64_t i, Engine& e) { return i == 17 ? 30000.0F : Normal(e); }},
      {"1 % outliers, 10,000 times the rest",
       [](int64_t i, Engine& e) { return (i % 100 == 17 ? 10000.0F : 1.0F) * Normal(e); }},
      {"magnitudes from 1e-6 to 1e6",
       [](int64_t, Engine& e) { return Normal(e) * std::pow(10.0F, std::uniform_real_distribution<float>(-6, 6)(e)); }},
      {"heavy tails (normal to the fifth)",
       [](int64_t, Engine& e) {
         const float z = Normal(e);
         return z * z * z * z * z;
       }},
      {"subnormal", [](int64_t, Engine& e) { return Normal(e) * 1e-40F; }},
      {"cancellation: pairs x, -1.001 x",
       [last = 0.0F](int64_t i, Engine& e) mutable {
         last = i % 2 == 0 ? Normal(e) : -last * 1.001F;
         return last;
       }},
      {"90 % zeros", [](int64_t i, Engine& e) { return i % 10 == 3 ? Normal(e) : 0.0F; }},
  };
  return cases;
}

QuantizedMatrix RandomWeights() {
  Engine engine(7);
  std::vector<float> floats(static_cast<size_t>(kOut * kIn));
  for (float& value : floats) value = Normal(engine) * 0.02F;
  // Pairs of like columns, so that the cancelling rows of x do cancel.
  for (size_t i = 0; i < floats.size(); i += 2) floats[i + 1] = floats[i];
  return Quantize({floats.data(), DType::kF32, kOut, kIn, kIn});
}

std::vector<double> Exact(const QuantizedMatrix& layer, const Row& x) {
  std::vector<double> y(static_cast<size_t>(kOut));
  for (int64_t n = 0; n < kOut; ++n) {
    long double sum = 0;
    for (int64_t k = 0; k < kIn; ++k) {
      sum += static_cast<long double>(layer.weights[static_cast<size_t>(n * kIn + k)]) * x[static_cast<size_t>(k)];
    }
    y[static_cast<size_t>(n)] = static_cast<double>(sum * layer.scales[static_cast<size_t>(n)]);
  }
  return y;
}

std::vector<double> Float32(const QuantizedMatrix& layer, const Row& x) {
  std::vector<double> y(static_cast<size_t>(kOut));
  for (int64_t n = 0; n < kOut; ++n) {
    float sum = 0;
    for (int64_t k = 0; k < kIn; ++k) {
      sum += static_cast<float>(layer.weights[static_cast<size_t>(n * kIn + k)]) * x[static_cast<size_t>(k)];
    }
    y[static_cast<size_t>(n)] = sum * layer.scales[static_cast<size_t>(n)];
  }
  return y;
}

std::vector<double> W8A16(const Linear& linear, const Row& x, DType dtype) {
  std::vector<std::byte> values(x.size() * DTypeSize(dtype));
  for (int64_t i = 0; i < kIn; ++i) StoreFloat(values.data(), dtype, i, x[static_cast<size_t>(i)]);
  std::vector<float> y(static_cast<size_t>(kOut));
  Workspace workspace;
  linear.Forward({values.data(), dtype, 1, kIn, kIn}, {y.data(), DType::kF32, 1, kOut, kOut}, workspace);
  return {y.begin(), y.end()};
}

Row Rounded(const Row& x, DType dtype) {
  Row rounded(x.size());
  std::vector<std::byte> one(DTypeSize(dtype));
  for (size_t i = 0; i < x.size(); ++i) {
    StoreFloat(one.data(), dtype, 0, x[i]);
    rounded[i] = LoadFloat(one.data(), dtype, 0);
  }
  return rounded;
}

double Norm(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value * value;
  return std::sqrt(sum);
}

// |y - exact| / |exact|, in norm over the outputs.
std::string Error(const std::vector<double>& y, const std::vector<double>& exact) {
  std::vector<double> difference(y.size());
  for (size_t i = 0; i < y.size(); ++i) difference[i] = y[i] - exact[i];
  return fmt::format("{:.1e}", Norm(difference) / Norm(exact));
}

void Print() {
  const QuantizedMatrix layer = RandomWeights();
  Int8Weights weights;
  weights.data = layer.weights.data();
  weights.out_features = kOut;
  weights.in_features = kIn;
  weights.row_stride = kIn;
  weights.scales = layer.scales.data();
  const Linear linear(weights, "layer");
  Table table({"x, 4096 elements", ">w8a16, f32 x", ">float32 sums", ">w8a16, bf16 x", ">rounding x to bf16"});
  for (const Case& test : Cases()) {
    Engine engine(11);
    Row x(static_cast<size_t>(kIn));
    for (int64_t i = 0; i < kIn; ++i) x[static_cast<size_t>(i)] = test.value(i, engine);
    const Row bf16 = Rounded(x, DType::kBF16);
    const std::vector<double> exact = Exact(layer, x);
    const std::vector<double> exact_bf16 = Exact(layer, bf16);
    table.AddRow({test.name, Error(W8A16(linear, x, DType::kF32), exact), Error(Float32(layer, x), exact),
                  Error(W8A16(linear, bf16, DType::kBF16), exact_bf16), Error(exact_bf16, exact)});
  }
  std::fputs(table.Render().c_str(), stdout);
}

}  // namespace
}  // namespace w8a16

int main() { w8a16::Print(); }
