#include "model/mlp.h"

namespace w8a16 {
namespace {

Activation KernelActivation(MlpActivation activation) {
  switch (activation) {
    case MlpActivation::kGelu:
      return Activation::kGelu;
    case MlpActivation::kGeluTanh:
      return Activation::kGeluTanh;
    case MlpActivation::kRelu:
      return Activation::kRelu;
    case MlpActivation::kSilu:
      break;
  }
  return Activation::kSilu;
}

}  // namespace

void Mlp::Run(const Pass& pass, const MlpWeights& weights, ConstMatrix x, const Matrix& y) {
  const int64_t size = weights.down.in_features();
  int64_t cols = 0;
  for (const Linear& layer : weights.in) cols += layer.out_features();
  const Matrix hidden = MatrixIn(hidden_, pass.dtype, x.rows, cols);
  Project(weights.in, x, hidden, pass.workspace);
  const bool gated = cols == 2 * size;
  const Activation activation = KernelActivation(pass.architecture.mlp.activation);
  ForRows(x.rows, 4 * size, [&](int64_t row) {
    auto* gate = static_cast<std::byte*>(hidden.Row(row));
    const std::byte* up = gated ? gate + static_cast<size_t>(size) * DTypeSize(pass.dtype) : nullptr;
    pass.kernels.activate(activation, gate, up, size, gate, pass.dtype);
  });
  weights.down.Forward({hidden.data, hidden.dtype, hidden.rows, size, hidden.stride}, y, pass.workspace);
}

}  // namespace w8a16
