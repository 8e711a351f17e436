#include <cmath>

#include "arch/families/families.h"
#include "base/strings.h"

// Llama and its close relatives: pre-norm blocks of rotary grouped-query attention and SwiGLU, RMSNorm throughout.

namespace w8a16 {

MlpActivation DescribeActivation(const ConfigReader& config, std::string_view key) {
  const std::string name = config.String(key, "silu");
  if (name == "silu" || name == "swish") return MlpActivation::kSilu;
  if (name == "gelu") return MlpActivation::kGelu;
  if (name == "gelu_new" || name == "gelu_fast" || name == "gelu_pytorch_tanh") return MlpActivation::kGeluTanh;
  if (name == "relu") return MlpActivation::kRelu;
  config.Fail(key, StrCat("\"", name, "\" is not supported; supported: silu, swish, gelu, gelu_new, gelu_fast, ",
                          "gelu_pytorch_tanh, relu"));
}

Architecture DescribeLlama(const ConfigReader& config) {
  Architecture a;
  a.vocab_size = config.Int("vocab_size", 1, kMaxDimension);
  a.hidden_size = config.Int("hidden_size", 1, kMaxDimension);
  a.intermediate_size = config.Int("intermediate_size", 1, kMaxDimension);
  a.layers = config.Int("num_hidden_layers", 0, 100000);
  a.heads = config.Int("num_attention_heads", 1, kMaxDimension);
  a.kv_heads = config.Int("num_key_value_heads", 1, kMaxDimension, a.heads);
  if (a.heads % a.kv_heads != 0) {
    config.Fail("num_key_value_heads", StrCat(a.kv_heads, " does not divide num_attention_heads = ", a.heads));
  }
  if (!config.Has("head_dim") && a.hidden_size % a.heads != 0) {
    config.Fail("hidden_size", StrCat(a.hidden_size, " is not a multiple of num_attention_heads = ", a.heads));
  }
  a.head_dim = config.Int("head_dim", 1, kMaxDimension, a.hidden_size / a.heads);
  if (a.head_dim % 2 != 0) config.Fail("head_dim", StrCat(a.head_dim, " is odd; rotary embedding needs pairs"));
  a.max_positions = config.Int("max_position_embeddings", 1, kMaxDimension, 2048);
  a.norm.eps = static_cast<float>(config.Number("rms_norm_eps", 0, 1, 1e-6));
  a.rope = DescribeRope(config, a.head_dim);
  a.activation = DescribeActivation(config, "hidden_act");
  a.attention_scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(a.head_dim)));
  a.windows.assign(static_cast<size_t>(a.layers), 0);
  a.qkv_bias = config.Bool("attention_bias", false);
  a.out_bias = a.qkv_bias;
  a.mlp_bias = config.Bool("mlp_bias", false);
  a.tied_head = config.Bool("tie_word_embeddings", false);
  return a;
}

Architecture DescribeMistral(const ConfigReader& config) {
  Architecture a = DescribeLlama(config);
  const int64_t window = config.Int("sliding_window", 1, kMaxDimension, 0);
  a.windows.assign(static_cast<size_t>(a.layers), window);
  return a;
}

Architecture DescribeQwen2(const ConfigReader& config) {
  Architecture a = DescribeLlama(config);
  a.qkv_bias = true;
  a.out_bias = false;
  if (config.Bool("use_sliding_window", false)) {
    // The first max_window_layers layers see everything, the others a window.
    const int64_t window = config.Int("sliding_window", 1, kMaxDimension, 4096);
    for (int64_t i = config.Int("max_window_layers", 0, kMaxDimension, 28); i < a.layers; ++i) {
      a.windows[static_cast<size_t>(i)] = window;
    }
  }
  return a;
}

}  // namespace w8a16
