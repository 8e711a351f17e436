#include <string>

#include "arch/families/common.h"
#include "arch/families/families.h"
#include "base/strings.h"
#include "checkpoint/json.h"

// Learned positions, LayerNorm, a plain MLP.

namespace w8a16 {
namespace {

Architecture DescribeGptLike(const ConfigReader& config) {
  Architecture a = DescribeSizes(config, {.intermediate_factor = 4, .max_positions = 1024});
  a.norm = LayerNorm(config, "layer_norm_epsilon", 1e-5);
  a.mlp.activation = DescribeActivation(config, "activation_function", "gelu_new");
  a.mlp.bias = true;
  a.attention.out_bias = true;
  a.tied_head = TiedHead(config, true);
  a.names.prefix = "transformer.";
  a.names.embedding = "wte";
  a.names.positions = "wpe";
  a.names.layers = "h";
  a.names.final_norm = "ln_f";
  a.names.attention_in_norm = "ln_1";
  a.names.mlp_in_norm = "ln_2";
  a.names.gate.clear();
  a.names.up = "mlp.c_fc";
  a.names.down = "mlp.c_proj";
  return a;
}

// The kind of attention of each layer: `attention_layers`, or `attention_types`, [[[kind, ...], repetitions], ...].
std::vector<std::string> AttentionKinds(const ConfigReader& config) {
  if (config.Has("attention_layers")) return config.Strings("attention_layers");
  const char* key = "attention_types";
  std::vector<std::string> kinds;
  const Json* types = config.Value(key);
  for (const Json& group : types == nullptr ? Json::array() : *types) {
    if (!group.is_array() || group.size() != 2 || !group[0].is_array() || group[0].empty() ||
        !group[1].is_number_unsigned()) {
      config.Fail(key, StrCat("[[kind, ...], repetitions] was expected, not ", group.dump()));
    }
    for (uint64_t i = 0; i < group[1].get<uint64_t>() && kinds.size() <= kMaxLayers; ++i) {
      for (const Json& kind : group[0]) kinds.push_back(kind.is_string() ? kind.get<std::string>() : kind.dump());
    }
  }
  return kinds;
}

}  // namespace

Architecture DescribeGpt2(const ConfigReader& config) {
  config.Expect("add_cross_attention", false, false);
  Architecture a = DescribeGptLike(config);
  a.conv1d = true;
  a.attention.qkv_bias = true;
  if (!config.Bool("scale_attn_weights", true)) ScaleAttention(1, a);
  if (config.Bool("scale_attn_by_inverse_layer_idx", false)) {
    for (size_t i = 0; i < a.layers.size(); ++i) a.layers[i].attention_scale /= static_cast<float>(i + 1);
  }
  a.names.qkv = "attn.c_attn";
  a.names.o = "attn.c_proj";
  return a;
}

// Without the division by sqrt(head_dim), and with windows in the local layers.
Architecture DescribeGptNeo(const ConfigReader& config) {
  Architecture a = DescribeGptLike(config);
  ScaleAttention(1, a);
  const int64_t window = config.Int("window_size", 1, kMaxDimension, 256);
  const std::vector<std::string> kinds = AttentionKinds(config);
  const std::string key(config.FirstOf({"attention_layers", "attention_types"}));
  if (kinds.size() != a.layers.size()) {
    config.Fail(key, StrCat(kinds.size(), " entries for ", a.layers.size(), " layers"));
  }
  for (size_t i = 0; i < kinds.size(); ++i) {
    if (kinds[i] == "local") {
      a.layers[i].window = window;
    } else if (kinds[i] != "global") {
      config.Fail(key, StrCat("\"", kinds[i], "\" is not supported; supported: global, local"));
    }
  }
  a.names.q = "attn.attention.q_proj";
  a.names.k = "attn.attention.k_proj";
  a.names.v = "attn.attention.v_proj";
  a.names.o = "attn.attention.out_proj";
  return a;
}

}  // namespace w8a16
