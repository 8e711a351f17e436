#include "arch/families/common.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <string>

#include "base/strings.h"

namespace w8a16 {
namespace {

int64_t MostInEachLayer(const Architecture& a) { return kMaxParts / std::max<int64_t>(1, std::ssize(a.layers)); }

void DescribeHeads(const ConfigReader& config, const SizeDefaults& defaults, Architecture& a) {
  AttentionSpec& attention = a.attention;
  const std::string heads_key(config.FirstOf({"num_attention_heads", "n_head", "num_heads", "n_heads"}));
  attention.heads = config.Int(heads_key, 1, MostInEachLayer(a), defaults.heads);
  attention.kv_heads = config.Int("num_key_value_heads", 1, kMaxDimension, defaults.kv_heads.value_or(attention.heads));
  if (attention.heads % attention.kv_heads != 0) {
    config.Fail("num_key_value_heads",
                StrCat(attention.kv_heads, " does not divide ", heads_key, " = ", attention.heads));
  }
  if (!config.Has("head_dim") && !defaults.head_dim && a.hidden_size % attention.heads != 0) {
    config.Fail(config.FirstOf({"hidden_size", "n_embd", "d_model", "n_embed"}),
                StrCat(a.hidden_size, " is not a multiple of ", heads_key, " = ", attention.heads));
  }
  attention.head_dim =
      config.Int("head_dim", 1, kMaxDimension, defaults.head_dim.value_or(a.hidden_size / attention.heads));
  attention.rows = ConcatenatedRows(attention);
}

}  // namespace

Architecture DescribeSizes(const ConfigReader& config, const SizeDefaults& defaults) {
  Architecture a;
  a.vocab_size = config.Int("vocab_size", 1, kMaxDimension, defaults.vocab_size);
  a.hidden_size = config.Int(config.FirstOf({"hidden_size", "n_embd", "d_model", "n_embed"}), 1, kMaxDimension,
                             defaults.hidden_size);
  a.embedding_size = a.hidden_size;
  std::optional<int64_t> intermediate = defaults.intermediate_size;
  if (!intermediate && defaults.intermediate_factor != 0) intermediate = defaults.intermediate_factor * a.hidden_size;
  a.mlp.intermediate_size = config.Int(config.FirstOf({"intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size"}),
                                       1, 4 * kMaxDimension, intermediate);
  const int64_t layers = config.Int(config.FirstOf({"num_hidden_layers", "n_layer", "num_layers", "n_layers"}), 0,
                                    kMaxLayers, defaults.layers);
  a.layers.resize(static_cast<size_t>(layers));
  DescribeHeads(config, defaults, a);
  a.max_positions = config.Int(config.FirstOf({"max_position_embeddings", "n_positions", "max_seq_len", "seq_length"}),
                               1, kMaxDimension, defaults.max_positions);
  ScaleAttention(1.0 / std::sqrt(static_cast<double>(a.attention.head_dim)), a);
  return a;
}

MlpActivation DescribeActivation(const ConfigReader& config, std::string_view key, std::string_view fallback) {
  const std::string name = config.String(key, std::string(fallback));
  if (name == "silu" || name == "swish") return MlpActivation::kSilu;
  if (name == "gelu") return MlpActivation::kGelu;
  if (name == "gelu_new" || name == "gelu_fast" || name == "gelu_pytorch_tanh") return MlpActivation::kGeluTanh;
  if (name == "relu") return MlpActivation::kRelu;
  config.Fail(key, StrCat("\"", name, "\" is not supported; supported: silu, swish, gelu, gelu_new, gelu_fast, ",
                          "gelu_pytorch_tanh, relu"));
}

NormSpec RmsNorm(const ConfigReader& config, std::string_view key, double fallback, float weight_offset) {
  NormSpec norm;
  norm.eps = static_cast<float>(config.Number(key, 0, 1, fallback));
  norm.weight_offset = weight_offset;
  return norm;
}

NormSpec LayerNorm(const ConfigReader& config, std::string_view key, double fallback, bool bias) {
  NormSpec norm;
  norm.kind = NormKind::kLayer;
  norm.eps = static_cast<float>(config.Number(key, 0, 1, fallback));
  norm.bias = bias;
  return norm;
}

bool TiedHead(const ConfigReader& config, bool fallback) { return config.Bool("tie_word_embeddings", fallback); }

void UseRope(const ConfigReader& config, int64_t rotary_dim, double base, bool interleaved, Architecture& a) {
  a.ropes.push_back(DescribeRope(
      config, {.rotary_dim = rotary_dim, .base = base, .max_positions = a.max_positions, .interleaved = interleaved}));
  a.max_positions = a.ropes.back().max_positions;
  for (LayerSpec& layer : a.layers) layer.rope = 0;
}

void UseRope(const ConfigReader& config, double fallback_base, Architecture& a) {
  UseRope(config, WholeHead(config, a), RopeBase(config, fallback_base), false, a);
}

int64_t WholeHead(const ConfigReader& config, const Architecture& a) {
  const int64_t head_dim = a.attention.head_dim;
  if (head_dim % 2 != 0) config.Fail("head_dim", StrCat(head_dim, " is odd; rotary embedding needs pairs"));
  return head_dim;
}

int64_t PartialRotaryDim(const ConfigReader& config, std::string_view key, double fallback, const Architecture& a) {
  const double factor = config.Number(key, 0, 1, RopeParameter(config, "partial_rotary_factor", 0, 1, fallback));
  const auto rotary_dim = static_cast<int64_t>(static_cast<double>(a.attention.head_dim) * factor);
  if (rotary_dim < 2 || rotary_dim % 2 != 0) {
    config.Fail(key, StrCat(factor, " of head_dim = ", a.attention.head_dim, " is ", rotary_dim,
                            "; rotary embedding needs pairs"));
  }
  return rotary_dim;
}

std::vector<bool> SlidingLayers(const ConfigReader& config, const Architecture& a,
                                const std::function<bool(int64_t layer)>& sliding) {
  const char* key = "layer_types";
  std::vector<bool> out(a.layers.size());
  if (!config.Has(key)) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = sliding(static_cast<int64_t>(i));
    return out;
  }
  const std::vector<std::string> types = config.Strings(key);
  if (types.size() != out.size()) {
    config.Fail(key, StrCat(types.size(), " entries for ", out.size(), " layers"));
  }
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = types[i] == "sliding_attention";
    if (!out[i] && types[i] != "full_attention") {
      config.Fail(key, StrCat("\"", types[i], "\" is not supported; supported: full_attention, sliding_attention"));
    }
  }
  return out;
}

void UseWindow(int64_t window, const std::vector<bool>& sliding, Architecture& a) {
  for (size_t i = 0; i < a.layers.size(); ++i) a.layers[i].window = sliding[i] ? window : 0;
}

void UseWindowEverywhere(const ConfigReader& config, Architecture& a) {
  const int64_t window = config.Int("sliding_window", 1, kMaxDimension, 0);
  UseWindow(window, SlidingLayers(config, a, [](int64_t) { return true; }), a);
}

void UseExperts(const ConfigReader& config, std::string_view count_key, std::optional<int64_t> fallback,
                std::optional<int64_t> fallback_per_token, Architecture& a) {
  a.experts.count = config.Int(count_key, 1, MostInEachLayer(a), fallback);
  a.experts.per_token = config.Int("num_experts_per_tok", 1, a.experts.count, fallback_per_token);
  for (LayerSpec& layer : a.layers) layer.experts = true;
}

void ScaleAttention(double scale, Architecture& a) {
  for (LayerSpec& layer : a.layers) layer.attention_scale = static_cast<float>(scale);
}

HeadRows ConcatenatedRows(const AttentionSpec& attention) {
  HeadRows rows;
  for (int64_t head = 0; head < attention.heads; ++head) rows.q.push_back(head * attention.head_dim);
  for (int64_t head = 0; head < attention.kv_heads; ++head) {
    rows.k.push_back(attention.QSize() + head * attention.head_dim);
    rows.v.push_back(attention.QSize() + attention.KvSize() + head * attention.head_dim);
  }
  return rows;
}

HeadRows GroupedRows(const AttentionSpec& attention) {
  HeadRows rows;
  const int64_t queries = attention.heads / attention.kv_heads;
  for (int64_t head = 0; head < attention.heads; ++head) {
    rows.q.push_back((head + 2 * (head / queries)) * attention.head_dim);
  }
  for (int64_t head = 0; head < attention.kv_heads; ++head) {
    rows.k.push_back(((head + 1) * (queries + 2) - 2) * attention.head_dim);
    rows.v.push_back(((head + 1) * (queries + 2) - 1) * attention.head_dim);
  }
  return rows;
}

std::vector<float> AlibiSlopes(int64_t heads) {
  const auto power_of_two = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(heads)));
  const double step = -8.0 / static_cast<double>(power_of_two);
  std::vector<float> slopes;
  for (int64_t i = 1; i <= power_of_two; ++i) {
    slopes.push_back(static_cast<float>(std::exp2(step * static_cast<double>(i))));
  }
  for (int64_t i = 1; static_cast<int64_t>(slopes.size()) < heads; i += 2) {
    slopes.push_back(static_cast<float>(std::exp2(step / 2 * static_cast<double>(i))));
  }
  return slopes;
}

}  // namespace w8a16
