#include "arch/families/families.h"
#include "arch/families/llama.h"

// OLMo 2: Llama with norms of what branches give, not of what they read, and of all queries and all keys together.

namespace w8a16 {

Architecture DescribeOlmo2(const ConfigReader& config) {
  Architecture a = DescribeLlamaLike(config, {.rms_norm_eps = 1e-5});
  a.attention.qk_norm = a.norm;
  a.attention.qk_norm_scope = QkNormScope::kProjection;
  a.names.q_norm = "self_attn.q_norm";
  a.names.k_norm = "self_attn.k_norm";
  a.names.attention_in_norm.clear();
  a.names.attention_out_norm = "post_attention_layernorm";
  a.names.mlp_in_norm.clear();
  a.names.mlp_out_norm = "post_feedforward_layernorm";
  return a;
}

}  // namespace w8a16
