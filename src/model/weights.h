#pragma once

#include <cstddef>
#include <vector>

#include "arch/architecture.h"
#include "w8a16/checkpoint.h"
#include "w8a16/linear.h"
#include "w8a16/model.h"

namespace w8a16 {

struct NormWeights {
  std::vector<float> weight;
  std::vector<float> bias;  ///< empty where the norm has none
};

struct BlockWeights {
  NormWeights attention_norm;
  Linear q;
  Linear k;
  Linear v;
  Linear o;
  NormWeights mlp_norm;
  Linear gate;
  Linear up;
  Linear down;
};

/// All tensors of a model. Large ones lie in the mapped checkpoint, which `checkpoint` keeps alive.
struct ModelWeights {
  Checkpoint checkpoint;
  TensorView embedding;  ///< [vocab_size, hidden_size]
  std::vector<BlockWeights> blocks;
  NormWeights final_norm;
  Linear head;
  size_t bytes = 0;        ///< of all of them, a tied head once
  bool quantized = false;  ///< true where any linear layer is W8A16
};

/// Connects the tensors of `checkpoint` with their roles. Linear layers that a float checkpoint has are quantized now
/// under WeightPolicy::kW8A16 (heads stay float). Throws Error for tensors that do not fit, and for a quantized
/// checkpoint under WeightPolicy::kOriginal.
ModelWeights LoadWeights(const Checkpoint& checkpoint, const Architecture& architecture, WeightPolicy policy);

}  // namespace w8a16
