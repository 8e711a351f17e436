#include "arch/families/common.h"
#include "arch/families/families.h"

// Command R: attention and gated MLP side by side after one LayerNorm without bias, neighbouring elements turned,
// scaled logits.

namespace w8a16 {

Architecture DescribeCohere(const ConfigReader& config) {
  Architecture a = DescribeSizes(config, {.max_positions = 8192});
  a.norm = LayerNorm(config, "layer_norm_eps", 1e-5, false);
  a.parallel_branches = true;
  UseRope(config, PartialRotaryDim(config, "partial_rotary_factor", 1, a), RopeBase(config, 10000), true, a);
  a.mlp.activation = DescribeActivation(config, "hidden_act", "silu");
  a.attention.qkv_bias = config.Bool("attention_bias", false);
  a.attention.out_bias = a.attention.qkv_bias;
  a.logit_scale = static_cast<float>(config.Number("logit_scale", -1e6, 1e6, 0.0625));
  a.tied_head = TiedHead(config, true);
  a.names.mlp_in_norm.clear();
  if (config.Bool("use_qk_norm", false)) {
    a.attention.qk_norm = a.norm;
    a.attention.qk_norm_scope = QkNormScope::kEachHead;
    a.names.q_norm = "self_attn.q_norm";
    a.names.k_norm = "self_attn.k_norm";
  }
  return a;
}

}  // namespace w8a16
