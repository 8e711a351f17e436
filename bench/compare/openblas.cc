#include <cblas.h>

#include <memory>

#include "base/parallel.h"
#include "compare/peer.h"

namespace w8a16::bench {

std::vector<Peer> OpenBlasPeers() {
  return {{"openblas", {DType::kF32}, 0, [](const Problem& p) -> std::function<void()> {
             const auto weights = std::make_shared<std::vector<float>>(RandomFloats(p.n * p.k));
             const auto x = std::make_shared<std::vector<float>>(RandomFloats(p.m * p.k));
             const auto y = std::make_shared<std::vector<float>>(static_cast<size_t>(p.m * p.n));
             openblas_set_num_threads(MaxThreads());
             return [=] {
               const auto m = static_cast<blasint>(p.m);
               const auto n = static_cast<blasint>(p.n);
               const auto k = static_cast<blasint>(p.k);
               cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1, x->data(), k, weights->data(), k, 0,
                           y->data(), n);
             };
           }}};
}

}  // namespace w8a16::bench
