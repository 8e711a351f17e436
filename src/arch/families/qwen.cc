#include <algorithm>

#include "arch/families/families.h"
#include "arch/families/llama.h"

// Qwen 2 is Llama with biases of queries, keys and values, Qwen 3 with norms of queries and keys; both exist with
// experts.

namespace w8a16 {
namespace {

// The first max_window_layers layers see everything, the others a window.
void UseUpperWindows(const ConfigReader& config, Architecture& a) {
  if (!config.Bool("use_sliding_window", false)) return;
  const int64_t window = config.Int("sliding_window", 1, kMaxDimension, config.IsNull("sliding_window") ? 0 : 4096);
  const int64_t first = config.Int("max_window_layers", 0, kMaxDimension, 28);
  UseWindow(window, SlidingLayers(config, a, [first](int64_t layer) { return layer >= first; }), a);
}

void UseQwenExperts(const ConfigReader& config, Architecture& a) {
  UseExperts(config, "num_experts", {}, {}, a);
  a.experts.intermediate_size = config.Int("moe_intermediate_size", 1, kMaxDimension);
  a.experts.normalize = config.Bool("norm_topk_prob", false);
  const int64_t step = config.Int("decoder_sparse_step", 1, kMaxDimension, 1);
  const std::vector<int64_t> dense = config.Ints("mlp_only_layers", 0, kMaxDimension);
  for (size_t i = 0; i < a.layers.size(); ++i) {
    const auto layer = static_cast<int64_t>(i);
    a.layers[i].experts = (layer + 1) % step == 0 && std::find(dense.begin(), dense.end(), layer) == dense.end();
  }
}

}  // namespace

Architecture DescribeQwen2(const ConfigReader& config) {
  Architecture a = DescribeLlamaLike(config);
  a.attention.qkv_bias = true;
  a.attention.out_bias = false;
  UseUpperWindows(config, a);
  return a;
}

Architecture DescribeQwen2Moe(const ConfigReader& config) {
  Architecture a = DescribeQwen2(config);
  a.attention.qkv_bias = config.Bool("qkv_bias", true);
  UseQwenExperts(config, a);
  a.experts.shared_intermediate_size = config.Int("shared_expert_intermediate_size", 1, kMaxDimension);
  return a;
}

Architecture DescribeQwen3(const ConfigReader& config) {
  Architecture a = DescribeLlamaLike(config, {.sizes = {.head_dim = 128}});
  a.attention.qk_norm = a.norm;
  a.names.q_norm = "self_attn.q_norm";
  a.names.k_norm = "self_attn.k_norm";
  UseUpperWindows(config, a);
  return a;
}

Architecture DescribeQwen3Moe(const ConfigReader& config) {
  Architecture a = DescribeLlamaLike(config);
  a.attention.qk_norm = a.norm;
  a.names.q_norm = "self_attn.q_norm";
  a.names.k_norm = "self_attn.k_norm";
  UseUpperWindows(config, a);
  UseQwenExperts(config, a);
  return a;
}

}  // namespace w8a16
