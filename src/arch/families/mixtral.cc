#include "arch/families/families.h"
#include "arch/families/llama.h"

// Mistral with experts in every block.

namespace w8a16 {

Architecture DescribeMixtral(const ConfigReader& config) {
  Architecture a = DescribeLlamaLike(config, {.rms_norm_eps = 1e-5, .rope_theta = 1e6});
  UseWindowEverywhere(config, a);
  UseExperts(config, "num_local_experts", 8, 2, a);
  a.experts.intermediate_size = a.mlp.intermediate_size;
  a.experts.normalize = true;
  a.names.router = "block_sparse_moe.gate";
  a.names.experts = "block_sparse_moe.experts";
  a.names.expert_gate = "w1";
  a.names.expert_up = "w3";
  a.names.expert_down = "w2";
  return a;
}

}  // namespace w8a16
