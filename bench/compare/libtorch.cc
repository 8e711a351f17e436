#include <torch/torch.h>

#include "base/parallel.h"
#include "compare/peer.h"

// What a PyTorch user has without this project: a float layer, and 8-bit weights that are cast before each product.

namespace w8a16::bench {
namespace {

torch::Tensor Random(int64_t rows, int64_t cols, DType dtype) {
  std::vector<float> values = RandomFloats(rows * cols);
  const auto type = dtype == DType::kBF16 ? torch::kBFloat16 : torch::kFloat32;
  return torch::from_blob(values.data(), {rows, cols}).to(type, /*non_blocking=*/false, /*copy=*/true);
}

}  // namespace

std::vector<Peer> LibTorchPeers() {
  at::set_num_threads(MaxThreads());
  const std::vector<DType> dtypes = {DType::kBF16, DType::kF32};
  return {{"torch-linear", dtypes, 0,
           [](const Problem& p) -> std::function<void()> {
             const torch::Tensor weights = Random(p.n, p.k, p.dtype);
             const torch::Tensor x = Random(p.m, p.k, p.dtype);
             return [=] {
               const torch::InferenceMode inference;
               torch::linear(x, weights);
             };
           }},
          {"torch-cast-linear", dtypes, 1, [](const Problem& p) -> std::function<void()> {
             const torch::Tensor weights = Random(p.n, p.k, DType::kF32).mul(127).to(torch::kInt8);
             const torch::Tensor x = Random(p.m, p.k, p.dtype);
             const torch::Tensor scales = torch::full({p.n}, 0.01, x.options());
             return [=] {
               const torch::InferenceMode inference;
               torch::linear(x, weights.to(x.dtype())).mul_(scales);
             };
           }}};
}

}  // namespace w8a16::bench
