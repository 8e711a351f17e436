#include "arch/families/common.h"
#include "arch/families/families.h"

// StarCoder2: Llama's attention with LayerNorm, biases and a plain MLP.

namespace w8a16 {

Architecture DescribeStarcoder2(const ConfigReader& config) {
  Architecture a = DescribeSizes(config, {.max_positions = 4096});
  a.norm = LayerNorm(config, "norm_epsilon", 1e-5);
  UseRope(config, 10000, a);
  UseWindowEverywhere(config, a);
  a.mlp.activation = DescribeActivation(config, "hidden_act", "gelu_pytorch_tanh");
  a.mlp.bias = config.Bool("use_bias", true);
  a.attention.qkv_bias = a.mlp.bias;
  a.attention.out_bias = a.mlp.bias;
  a.tied_head = TiedHead(config, true);
  a.names.gate.clear();
  a.names.up = "mlp.c_fc";
  a.names.down = "mlp.c_proj";
  return a;
}

}  // namespace w8a16
