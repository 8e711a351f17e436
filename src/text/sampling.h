#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace w8a16 {

/// How the next token is chosen.
struct SamplingOptions {
  float temperature = 0;  ///< 0: greedy, the largest logit, the lowest id among equals
  int32_t top_k = 0;      ///< 0: all; among equal logits at the limit the lowest ids stay
  float top_p = 1;        ///< the smallest set of most likely tokens with at least this probability
  uint64_t seed = 0;
};

/// Chooses tokens. The same options and logits give the same ids on every machine: all is integers and double
/// arithmetic in a fixed order, but for std::exp, whose last bit may differ between C libraries; that changes a token
/// only where the drawn number falls within some 1e-16 of a border between two tokens.
class Sampler {
 public:
  /// Throws Error for options out of range (temperature < 0 or not finite, top_p outside (0, 1], top_k < 0).
  explicit Sampler(const SamplingOptions& options);
  /// Order as in transformers: temperature, top-k, top-p, then one draw (none where temperature is 0). Throws Error
  /// where a logit is NaN or there is none.
  int32_t Sample(std::span<const float> logits);

 private:
  using Candidate = std::pair<float, int32_t>;  // logit, id

  double Weight(float logit, float largest) const;
  void KeepTopK();
  void KeepTopP(float largest);
  int32_t Draw(float largest);

  SamplingOptions options_;
  uint64_t state_;
  std::vector<Candidate> candidates_;
};

}  // namespace w8a16
