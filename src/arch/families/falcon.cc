#include "arch/families/common.h"
#include "arch/families/families.h"
#include "base/strings.h"
#include "w8a16/dtype.h"

// Falcon: rotary embedding or ALiBi; attention and MLP side by side after one norm (7B), after one each (40B, 180B), or
// one after the other (RW).

namespace w8a16 {
namespace {

void DescribeHeads(const ConfigReader& config, bool new_decoder, Architecture& a) {
  AttentionSpec& attention = a.attention;
  if (new_decoder) {
    const auto key = config.FirstOf({"num_kv_heads", "n_head_kv"});
    attention.kv_heads = config.Int(key, 1, kMaxDimension, attention.heads);
    if (attention.heads % attention.kv_heads != 0) {
      config.Fail(key, StrCat(attention.kv_heads, " does not divide num_attention_heads = ", attention.heads));
    }
  } else {
    attention.kv_heads = config.Bool("multi_query", true) ? 1 : attention.heads;
  }
  attention.rows = GroupedRows(attention);
}

void DescribePositions(const ConfigReader& config, Architecture& a) {
  if (!config.Bool("alibi", false)) return UseRope(config, 10000, a);
  a.attention.alibi_slopes = AlibiSlopes(a.attention.heads);
  for (float& slope : a.attention.alibi_slopes) slope = BF16ToFloat(FloatToBF16(slope));
  a.attention.alibi_in_bf16 = true;
}

void DescribeNorms(const ConfigReader& config, bool new_decoder, Architecture& a) {
  a.norm = LayerNorm(config, "layer_norm_epsilon", 1e-5);
  a.parallel_branches = config.Bool("parallel_attn", true);
  if (new_decoder) config.Expect("parallel_attn", true, true);
  if (!a.parallel_branches) return;
  a.names.mlp_in_norm.clear();
  if (config.Int("num_ln_in_parallel_attn", 1, 2, new_decoder ? 2 : 1) == 2) {
    a.names.attention_in_norm = "ln_attn";
    a.names.mlp_in_norm = "ln_mlp";
  }
}

}  // namespace

Architecture DescribeFalcon(const ConfigReader& config) {
  Architecture a = DescribeSizes(config, {.intermediate_factor = 4});
  const bool new_decoder = config.Bool("new_decoder_architecture", false);
  DescribeHeads(config, new_decoder, a);
  DescribePositions(config, a);
  DescribeNorms(config, new_decoder, a);
  a.mlp.activation = DescribeActivation(config, "activation", "gelu");
  a.mlp.bias = config.Bool("bias", false);
  a.attention.qkv_bias = a.mlp.bias;
  a.attention.out_bias = a.mlp.bias;
  a.tied_head = TiedHead(config, true);
  a.names.prefix = "transformer.";
  a.names.embedding = "word_embeddings";
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
