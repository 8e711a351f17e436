#include <bit>
#include <cmath>

#include "arch/families/common.h"
#include "arch/families/families.h"
#include "base/strings.h"

// MPT: ALiBi, LayerNorm without biases, no biases anywhere.

namespace w8a16 {
namespace {

// As AlibiSlopes, but from the next power of two, of which every other slope is taken first.
std::vector<float> MptSlopes(int64_t heads, double bias_max) {
  const auto count = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(heads)));
  const auto slope = [&](int64_t i) {
    return static_cast<float>(std::exp2(-bias_max * static_cast<double>(i) / static_cast<double>(count)));
  };
  std::vector<float> slopes;
  if (count == heads) {
    for (int64_t i = 1; i <= count; ++i) slopes.push_back(slope(i));
    return slopes;
  }
  for (int64_t i = 2; i <= count; i += 2) slopes.push_back(slope(i));
  for (int64_t i = 1; static_cast<int64_t>(slopes.size()) < heads; i += 2) slopes.push_back(slope(i));
  slopes.resize(static_cast<size_t>(heads));
  return slopes;
}

void DescribeAttention(const ConfigReader& config, Architecture& a) {
  const std::string type = config.String("attn_type", "multihead_attention");
  if (type != "multihead_attention") {
    config.Fail("attn_type", StrCat("\"", type, "\" is not supported; supported: multihead_attention"));
  }
  config.Expect("alibi", true, true);
  config.Expect("qk_ln", false, false);
  config.Expect("prefix_lm", false, false);
  a.attention.qkv_clip = static_cast<float>(config.Number("clip_qkv", 1e-6, 1e6, 0.0));
  a.attention.alibi_slopes =
      MptSlopes(a.attention.heads, static_cast<double>(config.Number("alibi_bias_max", 0, 1e6, 8.0)));
  if (config.Has("softmax_scale")) ScaleAttention(config.Number("softmax_scale", -1e6, 1e6), a);
}

}  // namespace

Architecture DescribeMpt(const ConfigReader& config) {
  config.Expect("no_bias", true, true);
  if (config.Has("logit_scale")) config.Fail("logit_scale", "a scale of the logits is not supported; supported: null");
  const std::string norm = config.String("norm_type", "low_precision_layernorm");
  if (norm != "low_precision_layernorm" && norm != "layernorm") {
    config.Fail("norm_type", StrCat("\"", norm, "\" is not supported; supported: low_precision_layernorm, layernorm"));
  }
  const int64_t expansion = config.Int("expansion_ratio", 1, 1024, 4);
  Architecture a = DescribeSizes(config, {.intermediate_factor = expansion});
  a.norm = LayerNorm(config, "layer_norm_epsilon", 1e-5, false);
  a.mlp.activation = MlpActivation::kGelu;
  a.tied_head = TiedHead(config, true);
  DescribeAttention(config.Has("attn_config") ? config.Object("attn_config") : config, a);
  a.names.prefix = "transformer.";
  a.names.embedding = "wte";
  a.names.layers = "blocks";
  a.names.final_norm = "norm_f";
  a.names.attention_in_norm = "norm_1";
  a.names.qkv = "attn.Wqkv";
  a.names.o = "attn.out_proj";
  a.names.mlp_in_norm = "norm_2";
  a.names.gate.clear();
  a.names.up = "ffn.up_proj";
  a.names.down = "ffn.down_proj";
  return a;
}

}  // namespace w8a16
