// A W8A16 linear layer without PyTorch: float weights become int8 with one scale per output, and the layer is compared
// with the float one.
#include <w8a16/linear.h>
#include <w8a16/quantize.h>

#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

namespace {

void Print(const char* name, const std::vector<float>& values, int64_t columns) {
  std::printf("%s:\n", name);
  for (size_t i = 0; i < values.size(); ++i) {
    std::printf("%9.4f%s", values[i], (static_cast<int64_t>(i) + 1) % columns == 0 ? "\n" : "");
  }
}

}  // namespace

int main() {
  constexpr int64_t kIn = 4;
  constexpr int64_t kOut = 8;
  constexpr int64_t kRows = 2;
  std::mt19937 random(0);
  std::normal_distribution<float> normal;
  const auto randoms = [&](int64_t count) {
    std::vector<float> values(static_cast<size_t>(count));
    for (float& value : values) value = normal(random);
    return values;
  };
  const std::vector<float> weights = randoms(kOut * kIn);
  const std::vector<float> bias = randoms(kOut);
  const std::vector<float> x = randoms(kRows * kIn);

  const w8a16::QuantizedMatrix quantized = w8a16::Quantize({weights.data(), w8a16::DType::kF32, kOut, kIn, kIn});
  Print("weights before", weights, kIn);
  std::printf("int8 weights:\n");
  for (int64_t i = 0; i < kOut * kIn; ++i) {
    std::printf("%5d%s", quantized.weights[static_cast<size_t>(i)], (i + 1) % kIn == 0 ? "\n" : "");
  }
  Print("scales", quantized.scales, kOut);
  std::vector<float> after(weights.size());
  w8a16::DequantizeRows(quantized.weights.data(), kIn, w8a16::Int8Encoding::kSigned, quantized.scales.data(), kOut, kIn,
                        after.data(), kIn);
  Print("weights after (int8 weight x scale)", after, kIn);

  w8a16::Int8Weights layer_weights;
  layer_weights.data = quantized.weights.data();
  layer_weights.out_features = kOut;
  layer_weights.in_features = kIn;
  layer_weights.row_stride = kIn;
  layer_weights.scales = quantized.scales.data();
  layer_weights.bias = bias.data();
  const w8a16::Linear layer(layer_weights, "example");
  w8a16::Workspace workspace;
  std::vector<float> y(kRows * kOut);
  layer.Forward({x.data(), w8a16::DType::kF32, kRows, kIn, kIn}, {y.data(), w8a16::DType::kF32, kRows, kOut, kOut},
                workspace);
  Print("output", y, kOut);

  double error = 0;
  for (int64_t m = 0; m < kRows; ++m) {
    for (int64_t n = 0; n < kOut; ++n) {
      double expected = bias[static_cast<size_t>(n)];
      for (int64_t k = 0; k < kIn; ++k) {
        expected +=
            static_cast<double>(x[static_cast<size_t>(m * kIn + k)]) * weights[static_cast<size_t>(n * kIn + k)];
      }
      error = std::max(error, std::abs(expected - y[static_cast<size_t>(m * kOut + n)]));
    }
  }
  std::printf("largest error against the float layer: %.4f\n", error);
}
