#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "arch/architecture.h"
#include "w8a16/checkpoint.h"
#include "w8a16/linear.h"
#include "w8a16/model.h"

namespace w8a16 {

struct NormWeights {
  std::vector<float> weight;  ///< empty: all ones
  std::vector<float> bias;    ///< empty: none
};

/// Norms of a branch: of what it reads, of what it gives, of the residual stream after the addition.
struct BranchNorms {
  std::optional<NormWeights> in;
  std::optional<NormWeights> out;
  std::optional<NormWeights> sum;
};

struct AttentionWeights {
  std::vector<Linear> qkv;  ///< one fused layer, or those of queries, keys and values
  Linear o;
  std::optional<NormWeights> q_norm;  ///< as wide as all heads
  std::optional<NormWeights> k_norm;
};

struct MlpWeights {
  std::vector<Linear> in;  ///< gate and up, both fused, or up alone
  Linear down;
};

struct ExpertsWeights {
  Linear router;
  std::vector<MlpWeights> experts;
  std::optional<MlpWeights> shared;
  std::optional<Linear> shared_gate;
};

struct BlockWeights {
  BranchNorms attention_norms;
  AttentionWeights attention;
  BranchNorms mlp_norms;
  std::optional<MlpWeights> mlp;  ///< or experts
  std::optional<ExpertsWeights> experts;
};

/// All tensors of a model. Large ones lie in the mapped checkpoint, which `checkpoint` keeps alive.
struct ModelWeights {
  Checkpoint checkpoint;
  TensorView embedding;  ///< [vocab_size, embedding_size]
  TensorView positions;  ///< [max_positions + position_offset, hidden_size]; no data: none
  std::optional<Linear> project_in;
  std::optional<NormWeights> embedding_norm;
  std::vector<BlockWeights> blocks;
  std::optional<NormWeights> final_norm;
  std::optional<Linear> project_out;
  Linear head;
  size_t bytes = 0;        ///< of all of them, a tied head once
  bool quantized = false;  ///< true where any linear layer is W8A16
};

/// Connects the tensors of `checkpoint` with their roles. Linear layers that a float checkpoint has are quantized now
/// under WeightPolicy::kW8A16 (heads and routers stay float). Throws Error for tensors that do not fit, and for a
/// quantized checkpoint under WeightPolicy::kOriginal.
ModelWeights LoadWeights(const Checkpoint& checkpoint, const Architecture& architecture, WeightPolicy policy);

}  // namespace w8a16
