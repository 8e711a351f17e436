// What a user of the installed library writes: quantize a layer and run it.
#include <w8a16/linear.h>
#include <w8a16/quantize.h>

#include <cstdio>
#include <vector>

int main() {
  const std::vector<float> weights = {0.5F, -1.27F, 0.25F, 1.0F, 0.0F, -0.5F};
  const w8a16::QuantizedMatrix quantized = w8a16::Quantize({weights.data(), w8a16::DType::kF32, 2, 3, 3});
  const w8a16::Linear layer(w8a16::Int8Weights{.data = quantized.weights.data(),
                                               .out_features = 2,
                                               .in_features = 3,
                                               .row_stride = 3,
                                               .scales = quantized.scales.data()},
                            "layer");
  const std::vector<float> x = {1.0F, 2.0F, -1.0F};
  std::vector<float> y(2);
  w8a16::Workspace workspace;
  layer.Forward({x.data(), w8a16::DType::kF32, 1, 3, 3}, {y.data(), w8a16::DType::kF32, 1, 2, 2}, workspace);
  std::printf("%.3f %.3f\n", static_cast<double>(y[0]), static_cast<double>(y[1]));
  return 0;
}
