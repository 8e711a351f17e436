#include <cmath>

#include "arch/families/common.h"
#include "arch/families/families.h"

// Llama with scaled embeddings and norms that store their weights less one. Gemma 2 and 3 norm what a branch reads and
// what it gives, and alternate windows with full attention.

namespace w8a16 {
namespace {

Architecture DescribeGemmaLike(const ConfigReader& config, const SizeDefaults& sizes) {
  Architecture a = DescribeSizes(config, sizes);
  a.norm = RmsNorm(config, "rms_norm_eps", 1e-6, 1);
  // transformers ignores hidden_act, which the first published configs have wrong.
  a.mlp.activation = DescribeActivation(config, "hidden_activation", "gelu_pytorch_tanh");
  a.attention.qkv_bias = config.Bool("attention_bias", false);
  a.attention.out_bias = a.attention.qkv_bias;
  a.tied_head = TiedHead(config, true);
  a.embedding_scale = static_cast<float>(std::sqrt(static_cast<double>(a.hidden_size)));
  config.Expect("use_bidirectional_attention", false, false);
  return a;
}

void UseSandwichNorms(const ConfigReader& config, Architecture& a) {
  a.names.attention_out_norm = "post_attention_layernorm";
  a.names.mlp_in_norm = "pre_feedforward_layernorm";
  a.names.mlp_out_norm = "post_feedforward_layernorm";
  ScaleAttention(1 / std::sqrt(config.Number("query_pre_attn_scalar", 1e-6, 1e6, 256.0)), a);
}

float Softcap(const ConfigReader& config, const char* key, double fallback) {
  return static_cast<float>(config.Number(key, 1e-6, 1e6, config.IsNull(key) ? 0 : fallback));
}

RopeSpec RopeOfLayers(const ConfigReader& parameters, RopeBasis basis, const ConfigReader& config) {
  basis.base = parameters.Number("rope_theta", 1, 1e12, basis.base);
  return ScaledRope(config, parameters, basis);
}

// Layers with windows turn by a smaller base, and are not scaled.
void UseTwoRopes(const ConfigReader& config, const std::vector<bool>& sliding, Architecture& a) {
  const RopeBasis everywhere = {WholeHead(config, a), RopeBase(config, 1e6), a.max_positions};
  RopeBasis local = everywhere;
  local.base = config.Number("rope_local_base_freq", 1, 1e12, 10000.0);
  // transformers 5 keeps the parameters of each kind of layer apart.
  if (config.Has("rope_parameters")) {
    const ConfigReader parameters = config.Object("rope_parameters");
    a.ropes = {RopeOfLayers(parameters.Object("full_attention"), everywhere, config),
               RopeOfLayers(parameters.Object("sliding_attention"), local, config)};
  } else {
    a.ropes = {DescribeRope(config, everywhere), UnscaledRope(local)};
  }
  for (size_t i = 0; i < sliding.size(); ++i) a.layers[i].rope = sliding[i] ? 1 : 0;
}

}  // namespace

Architecture DescribeGemma(const ConfigReader& config) {
  Architecture a = DescribeGemmaLike(config, {.head_dim = 256, .max_positions = 8192});
  UseRope(config, 10000, a);
  return a;
}

Architecture DescribeGemma2(const ConfigReader& config) {
  Architecture a = DescribeGemmaLike(config, {.head_dim = 256, .max_positions = 8192});
  UseRope(config, 10000, a);
  UseSandwichNorms(config, a);
  a.attention.softcap = Softcap(config, "attn_logit_softcapping", 50);
  a.logit_softcap = Softcap(config, "final_logit_softcapping", 30);
  const int64_t window = config.Int("sliding_window", 1, kMaxDimension, 4096);
  UseWindow(window, SlidingLayers(config, a, [](int64_t layer) { return layer % 2 == 0; }), a);
  return a;
}

Architecture DescribeGemma3(const ConfigReader& config) {
  // Published configs of the nested kind leave out what is transformers' default.
  Architecture a = DescribeGemmaLike(config, {.vocab_size = 262208,
                                              .hidden_size = 2304,
                                              .intermediate_size = 9216,
                                              .layers = 26,
                                              .heads = 8,
                                              .kv_heads = 4,
                                              .head_dim = 256,
                                              .max_positions = 131072});
  UseSandwichNorms(config, a);
  a.attention.qk_norm = a.norm;
  a.names.q_norm = "self_attn.q_norm";
  a.names.k_norm = "self_attn.k_norm";
  a.attention.softcap = Softcap(config, "attn_logit_softcapping", 0);
  a.logit_softcap = Softcap(config, "final_logit_softcapping", 0);
  const int64_t window = config.Int("sliding_window", 1, kMaxDimension, 4096);
  const int64_t pattern = config.Int("sliding_window_pattern", 1, kMaxDimension, 6);
  const std::vector<bool> sliding =
      SlidingLayers(config, a, [pattern](int64_t layer) { return (layer + 1) % pattern != 0; });
  UseWindow(window, sliding, a);
  UseTwoRopes(config, sliding, a);
  return a;
}

}  // namespace w8a16
