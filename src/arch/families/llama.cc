#include "arch/families/llama.h"

#include "arch/families/families.h"

// Llama and those that differ from it in a number or two.

namespace w8a16 {

Architecture DescribeLlamaLike(const ConfigReader& config, const LlamaDefaults& defaults) {
  Architecture a = DescribeSizes(config, defaults.sizes);
  a.norm = RmsNorm(config, "rms_norm_eps", defaults.rms_norm_eps);
  UseRope(config, defaults.rope_theta, a);
  a.mlp.activation = DescribeActivation(config, "hidden_act", "silu");
  a.mlp.bias = config.Bool("mlp_bias", false);
  a.attention.qkv_bias = config.Bool("attention_bias", false);
  a.attention.out_bias = a.attention.qkv_bias;
  a.tied_head = TiedHead(config, defaults.tied_head);
  return a;
}

Architecture DescribeLlama(const ConfigReader& config) { return DescribeLlamaLike(config); }

Architecture DescribeMistral(const ConfigReader& config) {
  Architecture a = DescribeLlamaLike(config);
  UseWindowEverywhere(config, a);
  return a;
}

Architecture DescribeGranite(const ConfigReader& config) {
  Architecture a = DescribeLlamaLike(config);
  constexpr double kMost = 1e6;
  ScaleAttention(config.Number("attention_multiplier", -kMost, kMost, 1.0), a);
  a.embedding_scale = static_cast<float>(config.Number("embedding_multiplier", -kMost, kMost, 1.0));
  a.residual_scale = static_cast<float>(config.Number("residual_multiplier", -kMost, kMost, 1.0));
  a.logit_scale = static_cast<float>(1 / config.Number("logits_scaling", 1 / kMost, kMost, 1.0));
  return a;
}

// Some layers have no positions at all.
Architecture DescribeSmolLm3(const ConfigReader& config) {
  Architecture a = DescribeLlamaLike(config, {.rope_theta = 2000000, .tied_head = true});
  const std::vector<int64_t> with_rope = config.Ints("no_rope_layers", 0, 1);
  const int64_t interval = config.Int("no_rope_layer_interval", 1, kMaxDimension, 4);
  if (!with_rope.empty() && with_rope.size() != a.layers.size()) {
    config.Fail("no_rope_layers", "one number for each layer was expected: 1 with rotary embedding, 0 without");
  }
  for (size_t i = 0; i < a.layers.size(); ++i) {
    const bool rope = with_rope.empty() ? (static_cast<int64_t>(i) + 1) % interval != 0 : with_rope[i] != 0;
    if (!rope) a.layers[i].rope = -1;
  }
  if (config.Bool("use_sliding_window", false)) {
    const int64_t window = config.Int("sliding_window", 1, kMaxDimension, 0);
    UseWindow(window, SlidingLayers(config, a, [&a](int64_t i) { return a.layers[static_cast<size_t>(i)].rope < 0; }),
              a);
  }
  return a;
}

}  // namespace w8a16
