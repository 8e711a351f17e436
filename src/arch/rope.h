#pragma once

#include <cstdint>
#include <vector>

namespace w8a16 {

class ConfigReader;

/// Rotary position embedding: pair i of a head is turned by position * inverse_frequencies[i].
struct RopeSpec {
  std::vector<float> inverse_frequencies;  ///< [rotary_dim / 2]; empty: no rotary embedding
  float attention_factor = 1;              ///< multiplies cos and sin
  bool interleaved = false;                ///< pairs are (2i, 2i + 1), else (i, i + rotary_dim / 2)

  int64_t rotary_dim() const { return 2 * static_cast<int64_t>(inverse_frequencies.size()); }
};

/// From `rope_theta` and `rope_scaling` of config.json, as transformers' modeling_rope_utils computes them. Throws
/// Error naming the key and the supported kinds for a scaling that is not supported.
RopeSpec DescribeRope(const ConfigReader& config, int64_t rotary_dim);

}  // namespace w8a16
