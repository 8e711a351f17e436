#include "arch/families/common.h"
#include "arch/families/families.h"

// StableLM: Llama with LayerNorm and rotary embedding of a part of each head; StableLM 2 12B norms each head of queries
// and keys by a module of its own, and has its branches side by side.

namespace w8a16 {

Architecture DescribeStableLm(const ConfigReader& config) {
  Architecture a = DescribeSizes(config, {.max_positions = 4096});
  a.norm = LayerNorm(config, config.FirstOf({"layer_norm_eps", "norm_eps"}), 1e-5);
  a.parallel_branches = config.Bool("use_parallel_residual", false);
  if (a.parallel_branches) a.names.mlp_in_norm.clear();
  const auto fraction = config.FirstOf({"partial_rotary_factor", "rope_pct"});
  UseRope(config, PartialRotaryDim(config, fraction, 0.25, a), RopeBase(config, 10000), false, a);
  a.mlp.activation = DescribeActivation(config, "hidden_act", "silu");
  a.attention.qkv_bias = config.Bool("use_qkv_bias", false);
  a.tied_head = TiedHead(config, false);
  if (config.Bool("qk_layernorm", false)) {
    a.attention.qk_norm = a.norm;
    a.attention.qk_norm.bias = false;
    a.attention.qk_norm_scope = QkNormScope::kHeadModule;
    a.names.q_norm = "self_attn.q_layernorm.norms";
    a.names.k_norm = "self_attn.k_layernorm.norms";
  }
  return a;
}

}  // namespace w8a16
