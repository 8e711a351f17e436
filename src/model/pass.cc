#include "model/pass.h"

#include <algorithm>
#include <array>

namespace w8a16 {
namespace {

// Work below this many elements is done by the calling thread: a parallel region costs a few microseconds.
constexpr int64_t kParallelElements = 1 << 15;
constexpr size_t kMostLayers = 3;

}  // namespace

Matrix MatrixIn(AlignedBuffer& buffer, DType dtype, int64_t rows, int64_t cols) {
  return {buffer.Reserve(static_cast<size_t>(rows * cols) * DTypeSize(dtype)), dtype, rows, cols, cols};
}

float* FloatsIn(AlignedBuffer& buffer, int64_t rows, int64_t cols) {
  return reinterpret_cast<float*>(buffer.Reserve(static_cast<size_t>(rows * cols) * sizeof(float)));
}

void ForRows(int64_t rows, int64_t elements, FunctionRef<void(int64_t row)> fn) {
  const int64_t grain = std::max<int64_t>(1, kParallelElements / std::max<int64_t>(1, elements));
  ParallelFor(rows, grain, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) fn(row);
  });
}

void Project(std::span<const Linear> layers, ConstMatrix x, const Matrix& y, Workspace& workspace) {
  std::array<const Linear*, kMostLayers> together = {};
  std::array<Matrix, kMostLayers> outputs;
  int64_t first = 0;
  bool alike = true;
  for (size_t i = 0; i < layers.size(); ++i) {
    const int64_t cols = layers[i].out_features();
    together[i] = &layers[i];
    outputs[i] = {static_cast<std::byte*>(y.data) + static_cast<size_t>(first) * DTypeSize(y.dtype), y.dtype, y.rows,
                  cols, y.stride};
    alike = alike && layers[i].quantized() == layers[0].quantized();
    first += cols;
  }
  if (alike) {
    return Linear::ForwardTogether({together.data(), layers.size()}, x, {outputs.data(), layers.size()}, workspace);
  }
  // A checkpoint may have quantized some of them only.
  for (size_t i = 0; i < layers.size(); ++i) layers[i].Forward(x, outputs[i], workspace);
}

void NormRow(const FloatKernels& kernels, const NormSpec& spec, const float* weight, const float* bias, const float* x,
             int64_t n, void* y, DType dtype) {
  if (spec.kind == NormKind::kRms) {
    kernels.rms_norm(x, weight, spec.weight_offset, spec.eps, n, y, dtype);
  } else {
    kernels.layer_norm(x, weight, bias, spec.eps, n, y, dtype);
  }
}

}  // namespace w8a16
