#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace w8a16 {

class ConfigReader;

/// How the frequencies of a rotary embedding follow the length of the text.
enum class RopeLength : uint8_t {
  kFixed,
  kDynamic,  ///< beyond original_positions the base grows with the length; keys in the cache stay as they are
  kSwitch,   ///< beyond original_positions long_frequencies hold, for all positions of the text
};

/// Rotary position embedding: pair i of a head is turned by position * frequency i.
struct RopeSpec {
  std::vector<float> frequencies;       ///< [rotary_dim / 2]
  std::vector<float> long_frequencies;  ///< [rotary_dim / 2] of kSwitch
  float attention_factor = 1;           ///< multiplies cos and sin
  bool interleaved = false;             ///< pairs are (2i, 2i + 1), else (i, i + rotary_dim / 2)
  RopeLength length = RopeLength::kFixed;
  int64_t original_positions = 0;  ///< of kDynamic and kSwitch
  double base = 0;                 ///< of kDynamic
  double factor = 1;               ///< of kDynamic
  int64_t max_positions = 0;       ///< that these frequencies are made for

  int64_t rotary_dim() const { return 2 * static_cast<int64_t>(frequencies.size()); }
  /// Writes the frequencies of kDynamic for a text of `positions`, as many as original_positions or more.
  void DynamicFrequencies(int64_t positions, std::span<float> out) const;
};

/// What the architecture knows about its rotary embedding without the scaling.
struct RopeBasis {
  int64_t rotary_dim = 0;
  double base = 10000;
  int64_t max_positions = 0;
  bool interleaved = false;
};

RopeSpec UnscaledRope(const RopeBasis& basis);

/// `basis` scaled as `rope_scaling` (or `rope_parameters`) of config.json says.
RopeSpec DescribeRope(const ConfigReader& config, const RopeBasis& basis);

/// `basis` scaled as the object `scaling` of config.json says, the way transformers' modeling_rope_utils computes it.
/// Throws Error naming the key and the supported kinds for a scaling that is not supported.
RopeSpec ScaledRope(const ConfigReader& config, const ConfigReader& scaling, const RopeBasis& basis);

/// A number of config.json that transformers 5 keeps in `rope_parameters`, or `fallback`.
double RopeParameter(const ConfigReader& config, std::string_view key, double low, double high, double fallback);
/// `rope_theta`.
double RopeBase(const ConfigReader& config, double fallback);

}  // namespace w8a16
