#include "arch/families/common.h"
#include "arch/families/families.h"

// OPT: learned positions from row 2 on. opt-350m norms the residual stream after each addition, and its embedding is
// smaller than the model.

namespace w8a16 {

Architecture DescribeOpt(const ConfigReader& config) {
  Architecture a = DescribeSizes(config);
  a.embedding_size = config.Int("word_embed_proj_dim", 1, kMaxDimension, a.hidden_size);
  a.position_offset = 2;
  a.mlp.activation = DescribeActivation(config, "activation_function", "relu");
  const bool bias = config.Bool("enable_bias", true);
  a.mlp.bias = bias;
  a.attention.qkv_bias = bias;
  a.attention.out_bias = bias;
  const bool affine = config.Bool("layer_norm_elementwise_affine", true);
  a.norm = {.kind = NormKind::kLayer, .eps = 1e-5F, .weight = affine, .bias = affine};
  a.tied_head = TiedHead(config, true);
  a.names.prefix = "model.decoder.";
  a.names.positions = "embed_positions";
  a.names.project_in = "project_in";
  a.names.project_out = "project_out";
  a.names.o = "self_attn.out_proj";
  a.names.gate.clear();
  a.names.up = "fc1";
  a.names.down = "fc2";
  const std::string attention_norm = "self_attn_layer_norm";
  const std::string mlp_norm = "final_layer_norm";
  const bool before = config.Bool("do_layer_norm_before", true);
  a.names.attention_in_norm = before ? attention_norm : "";
  a.names.attention_sum_norm = before ? "" : attention_norm;
  a.names.mlp_in_norm = before ? mlp_norm : "";
  a.names.mlp_sum_norm = before ? "" : mlp_norm;
  a.names.final_norm = before && !config.Bool("_remove_final_layer_norm", false) ? "final_layer_norm" : "";
  return a;
}

}  // namespace w8a16
