#include "arch/families/families.h"
#include "arch/families/llama.h"

namespace w8a16 {

// Phi 1 to 2: attention and a plain MLP side by side after one LayerNorm, rotary embedding of a part of each head.
Architecture DescribePhi(const ConfigReader& config) {
  Architecture a = DescribeSizes(config);
  a.norm = LayerNorm(config, "layer_norm_eps", 1e-5);
  a.parallel_branches = true;
  UseRope(config, PartialRotaryDim(config, "partial_rotary_factor", 0.5, a), RopeBase(config, 10000), false, a);
  a.mlp.activation = DescribeActivation(config, "hidden_act", "gelu_new");
  a.mlp.bias = true;
  a.attention.qkv_bias = true;
  a.attention.out_bias = true;
  a.tied_head = TiedHead(config, false);
  a.head_bias = true;
  if (config.Bool("qk_layernorm", false)) {
    a.attention.qk_norm = a.norm;
    a.names.q_norm = "self_attn.q_layernorm";
    a.names.k_norm = "self_attn.k_layernorm";
  }
  a.names.final_norm = "final_layernorm";
  a.names.o = "self_attn.dense";
  a.names.mlp_in_norm.clear();
  a.names.gate.clear();
  a.names.up = "mlp.fc1";
  a.names.down = "mlp.fc2";
  return a;
}

// Phi 3 and 4: Llama with fused projections.
Architecture DescribePhi3(const ConfigReader& config) {
  Architecture a = DescribeSizes(config, {.max_positions = 4096});
  a.norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  UseRope(config, PartialRotaryDim(config, "partial_rotary_factor", 1, a), RopeBase(config, 10000), false, a);
  UseWindowEverywhere(config, a);
  a.mlp.activation = DescribeActivation(config, "hidden_act", "silu");
  a.tied_head = TiedHead(config, false);
  a.names.qkv = "self_attn.qkv_proj";
  a.names.gate_up = "mlp.gate_up_proj";
  return a;
}

}  // namespace w8a16
