#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace w8a16 {

/// How the next token is chosen.
struct SamplingOptions {
  float temperature = 0;  ///< 0: greedy, the largest logit, the lowest id among equals
  int32_t top_k = 0;      ///< 0: all
  float top_p = 1;        ///< the smallest set of most likely tokens with at least this probability
  uint64_t seed = 0;
};

/// Chooses tokens. The same options and logits give the same ids on every machine.
class Sampler {
 public:
  /// Throws Error for options out of range (temperature < 0 or not finite, top_p outside (0, 1], top_k < 0).
  explicit Sampler(const SamplingOptions& options);
  /// Order as in transformers: temperature, top-k, top-p, then one draw. Throws Error where a logit is NaN.
  int32_t Sample(std::span<const float> logits);

 private:
  SamplingOptions options_;
  uint64_t state_;
  std::vector<std::pair<float, int32_t>> candidates_;
};

}  // namespace w8a16
