#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "arch/config_reader.h"
#include "arch/description.h"

// What the families' descriptions are made of.

namespace w8a16 {

/// Largest size that any dimension of a model may have: products of two fit 64 bits with room to spare.
inline constexpr int64_t kMaxDimension = int64_t{1} << 30;
inline constexpr int64_t kMaxLayers = 10000;
/// Most heads, or experts, of all layers together: lists of them stay small whatever a damaged file says.
inline constexpr int64_t kMaxParts = int64_t{1} << 20;

/// What stands for missing keys. Where there is nothing, a missing key is an error.
struct SizeDefaults {
  std::optional<int64_t> vocab_size = {};
  std::optional<int64_t> hidden_size = {};
  std::optional<int64_t> intermediate_size = {};
  int64_t intermediate_factor = 0;  ///< times hidden_size, where intermediate_size has no default either
  std::optional<int64_t> layers = {};
  std::optional<int64_t> heads = {};
  std::optional<int64_t> kv_heads = {};  ///< nothing: as many as heads
  std::optional<int64_t> head_dim = {};  ///< nothing: hidden_size / heads
  int64_t max_positions = 2048;
};

/// Sizes by any of the spellings that transformers knows, separate projections, attention scaled by 1/sqrt(head_dim),
/// no positions, all layers alike. Throws Error for sizes that do not fit together.
Architecture DescribeSizes(const ConfigReader& config, const SizeDefaults& defaults = {});

/// hidden_act and its aliases. Throws Error naming the key and the supported kinds.
MlpActivation DescribeActivation(const ConfigReader& config, std::string_view key, std::string_view fallback);

NormSpec RmsNorm(const ConfigReader& config, std::string_view key, double fallback, float weight_offset = 0);
NormSpec LayerNorm(const ConfigReader& config, std::string_view key, double fallback, bool bias = true);

bool TiedHead(const ConfigReader& config, bool fallback);

/// Rotary embedding of the first `rotary_dim` elements of heads, in all layers; max_positions as it allows.
void UseRope(const ConfigReader& config, int64_t rotary_dim, double base, bool interleaved, Architecture& a);
/// The same over whole heads, by rope_theta, halves of heads paired.
void UseRope(const ConfigReader& config, double fallback_base, Architecture& a);
/// rotary_dim of an embedding that turns whole heads. Throws Error for heads of odd size.
int64_t WholeHead(const ConfigReader& config, const Architecture& a);
/// rotary_dim from the part of heads that is turned, key `key`.
int64_t PartialRotaryDim(const ConfigReader& config, std::string_view key, double fallback, const Architecture& a);

/// Which layers have sliding windows: those that `layer_types` calls sliding_attention or, where there is no such list,
/// those that `sliding` tells.
std::vector<bool> SlidingLayers(const ConfigReader& config, const Architecture& a,
                                const std::function<bool(int64_t layer)>& sliding);
void UseWindow(int64_t window, const std::vector<bool>& sliding, Architecture& a);
/// `sliding_window` in all layers; null or missing: none.
void UseWindowEverywhere(const ConfigReader& config, Architecture& a);

/// Experts in all layers, `fallback` of them where the key is missing.
void UseExperts(const ConfigReader& config, std::string_view count_key, std::optional<int64_t> fallback,
                std::optional<int64_t> fallback_per_token, Architecture& a);

void ScaleAttention(double scale, Architecture& a);

/// Rows of fused projections: all queries, all keys, all values; for each key/value head its queries, its key and its
/// value.
HeadRows ConcatenatedRows(const AttentionSpec& attention);
HeadRows GroupedRows(const AttentionSpec& attention);

/// ALiBi slopes of Press et al. 2021: powers of 2^(-8/n), where n is the largest power of two not above `heads`; what
/// is left takes every other power of the next one.
std::vector<float> AlibiSlopes(int64_t heads);

}  // namespace w8a16
