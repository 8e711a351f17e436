#include <memory>

#include "compare/peer.h"
#include "w8a16/linear.h"
#include "w8a16/quantize.h"

namespace w8a16::bench {
namespace {

// One quantized layer and its x and y.
struct Call {
  explicit Call(const Problem& p)
      : weights(static_cast<size_t>(p.n * p.k)),
        scales(static_cast<size_t>(p.n), 0.01F),
        x_values(RandomValues(p.m * p.k, p.dtype)),
        y_values(static_cast<size_t>(p.m * p.n) * DTypeSize(p.dtype)),
        x{x_values.data(), p.dtype, p.m, p.k, p.k},
        y{y_values.data(), p.dtype, p.m, p.n, p.n},
        layer(Weights(p), "w8a16") {}

  Int8Weights Weights(const Problem& p) {
    const std::vector<float> random = RandomFloats(p.n * p.k);
    for (size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<int8_t>(random[i] * 127);
    Int8Weights int8;
    int8.data = weights.data();
    int8.out_features = p.n;
    int8.in_features = p.k;
    int8.row_stride = p.k;
    int8.scales = scales.data();
    return int8;
  }

  std::vector<int8_t> weights;
  std::vector<float> scales;
  std::vector<std::byte> x_values;
  std::vector<std::byte> y_values;
  ConstMatrix x;
  Matrix y;
  Workspace workspace;
  Linear layer;
};

}  // namespace

std::vector<Peer> W8A16Peers() {
  return {{"w8a16", {DType::kBF16, DType::kF16, DType::kF32}, 1, [](const Problem& p) -> std::function<void()> {
             const auto call = std::make_shared<Call>(p);
             return [call] { call->layer.Forward(call->x, call->y, call->workspace); };
           }}};
}

}  // namespace w8a16::bench
