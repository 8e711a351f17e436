#include "arch/families/common.h"
#include "arch/families/families.h"

// BLOOM: ALiBi, a LayerNorm of the embeddings.

namespace w8a16 {

Architecture DescribeBloom(const ConfigReader& config) {
  config.Expect("apply_residual_connection_post_layernorm", false, false);
  Architecture a = DescribeSizes(config, {.intermediate_factor = 4});
  a.norm = LayerNorm(config, "layer_norm_epsilon", 1e-5);
  a.mlp.activation = MlpActivation::kGeluTanh;
  a.mlp.bias = true;
  a.attention.qkv_bias = true;
  a.attention.out_bias = true;
  a.attention.rows = GroupedRows(a.attention);
  a.attention.alibi_slopes = AlibiSlopes(a.attention.heads);
  a.tied_head = TiedHead(config, true);
  a.names.prefix = "transformer.";
  a.names.embedding = "word_embeddings";
  a.names.embedding_norm = "word_embeddings_layernorm";
  a.names.layers = "h";
  a.names.final_norm = "ln_f";
  a.names.qkv = "self_attention.query_key_value";
  a.names.o = "self_attention.dense";
  a.names.gate.clear();
  a.names.up = "mlp.dense_h_to_4h";
  a.names.down = "mlp.dense_4h_to_h";
  return a;
}

}  // namespace w8a16
