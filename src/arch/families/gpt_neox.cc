#include "arch/families/common.h"
#include "arch/families/families.h"

// GPT-NeoX and Pythia: two LayerNorms, branches side by side or one after the other, each head's query, key and value
// together in one projection.

namespace w8a16 {

Architecture DescribeGptNeoX(const ConfigReader& config) {
  Architecture a = DescribeSizes(config);
  a.norm = LayerNorm(config, "layer_norm_eps", 1e-5);
  a.parallel_branches = config.Bool("use_parallel_residual", true);
  const double base = config.Number(config.FirstOf({"rotary_emb_base", "rope_theta"}), 1, 1e12, 10000.0);
  const auto fraction = config.FirstOf({"rotary_pct", "partial_rotary_factor"});
  UseRope(config, PartialRotaryDim(config, fraction, 0.25, a), base, false, a);
  a.mlp.activation = DescribeActivation(config, "hidden_act", "gelu");
  a.mlp.bias = true;
  a.attention.qkv_bias = config.Bool("attention_bias", true);
  a.attention.out_bias = a.attention.qkv_bias;
  a.attention.rows = GroupedRows(a.attention);
  a.tied_head = TiedHead(config, false);
  a.names.prefix = "gpt_neox.";
  a.names.embedding = "embed_in";
  a.names.final_norm = "final_layer_norm";
  a.names.head = "embed_out";
  a.names.qkv = "attention.query_key_value";
  a.names.o = "attention.dense";
  a.names.gate.clear();
  a.names.up = "mlp.dense_h_to_4h";
  a.names.down = "mlp.dense_4h_to_h";
  return a;
}

}  // namespace w8a16
