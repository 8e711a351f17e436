#pragma once

#include "base/aligned_buffer.h"
#include "model/pass.h"

namespace w8a16 {

/// The MLP branch of all blocks, with its scratch memory.
class Mlp {
 public:
  /// y = mlp(x), for as many rows as x has.
  void Run(const Pass& pass, const MlpWeights& weights, ConstMatrix x, const Matrix& y);

 private:
  AlignedBuffer hidden_;  // dtype [rows, intermediate, or twice that]
};

}  // namespace w8a16
