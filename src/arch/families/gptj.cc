#include "arch/families/common.h"
#include "arch/families/families.h"
#include "base/strings.h"

// GPT-J and CodeGen: attention and a plain MLP side by side after one LayerNorm, neighbouring elements turned.

namespace w8a16 {
namespace {

// CodeGen's fused projection is made of partitions, each with the queries, values and keys of its share of the heads.
constexpr int64_t kPartitions = 4;

HeadRows PartitionedRows(const AttentionSpec& attention) {
  HeadRows rows;
  const int64_t heads = attention.heads / kPartitions;
  const int64_t part = heads * attention.head_dim;
  for (int64_t head = 0; head < attention.heads; ++head) {
    const int64_t first = 3 * part * (head / heads) + head % heads * attention.head_dim;
    rows.q.push_back(first);
    rows.v.push_back(first + part);
    rows.k.push_back(first + 2 * part);
  }
  return rows;
}

}  // namespace

Architecture DescribeGptJ(const ConfigReader& config) {
  Architecture a = DescribeSizes(config, {.intermediate_factor = 4, .max_positions = 2048});
  a.norm = LayerNorm(config, "layer_norm_epsilon", 1e-5);
  a.parallel_branches = true;
  const int64_t most = a.attention.head_dim;
  const int64_t rotary_dim = config.Int("rotary_dim", 2, most, config.IsNull("rotary_dim") ? most : 64);
  if (rotary_dim % 2 != 0) config.Fail("rotary_dim", StrCat(rotary_dim, " is odd; rotary embedding needs pairs"));
  UseRope(config, rotary_dim, 10000, true, a);
  a.mlp.activation = DescribeActivation(config, "activation_function", "gelu_new");
  a.mlp.bias = true;
  a.tied_head = TiedHead(config, false);
  a.head_bias = true;
  a.names.prefix = "transformer.";
  a.names.embedding = "wte";
  a.names.layers = "h";
  a.names.final_norm = "ln_f";
  a.names.attention_in_norm = "ln_1";
  a.names.q = "attn.q_proj";
  a.names.k = "attn.k_proj";
  a.names.v = "attn.v_proj";
  a.names.o = "attn.out_proj";
  a.names.mlp_in_norm.clear();
  a.names.gate.clear();
  a.names.up = "mlp.fc_in";
  a.names.down = "mlp.fc_out";
  return a;
}

Architecture DescribeCodeGen(const ConfigReader& config) {
  Architecture a = DescribeGptJ(config);
  if (a.attention.heads % kPartitions != 0) {
    config.Fail(config.FirstOf({"n_head", "num_attention_heads"}),
                StrCat(a.attention.heads, " is not a multiple of the ", kPartitions, " partitions"));
  }
  a.attention.rows = PartitionedRows(a.attention);
  a.names.qkv = "attn.qkv_proj";
  return a;
}

}  // namespace w8a16
