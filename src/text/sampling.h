#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace w8a16 {

/// How the next token is chosen.
struct SamplingOptions {
  float temperature = 0;         ///< 0: greedy, the largest logit, the lowest id among equals
  int32_t top_k = 0;             ///< 0: all; among equal logits at the limit the lowest ids stay
  float top_p = 1;               ///< the smallest set of most likely tokens with at least this probability
  float min_p = 0;               ///< only tokens at least this fraction as likely as the likeliest one
  float repetition_penalty = 1;  ///< above 1: tokens that have been seen become less likely (see Sampler)
  uint64_t seed = 0;
};

/// Chooses tokens. The same options and logits give the same ids on every machine: all is integers and float32 or
/// double arithmetic in a fixed order, but for std::exp, whose last bit may differ between C libraries; that changes a
/// token only where the drawn number falls within some 1e-16 of a border between two tokens.
class Sampler {
 public:
  /// Throws Error for options out of range (temperature < 0 or not finite, top_k < 0, top_p outside (0, 1], min_p
  /// outside [0, 1], repetition_penalty not above 0).
  explicit Sampler(const SamplingOptions& options);

  /// Tokens of the text so far, which the repetition penalty is for.
  void See(std::span<const int32_t> ids);

  /// Steps in the order of transformers: repetition penalty (Keskar et al.: CTRL, 2019, section 4.1, as transformers
  /// has it: a seen token's positive logit is divided by the penalty, a negative one multiplied, once however often it
  /// was seen), temperature, top-k, top-p, min-p, each on what the ones before left; then one draw. Greedy takes the
  /// largest logit after the penalty. Throws Error where a logit is NaN or there is none.
  int32_t Sample(std::span<const float> logits);

 private:
  using Candidate = std::pair<float, int32_t>;  // logit, id

  std::span<const float> Penalize(std::span<const float> logits);
  double Weight(float logit, float largest) const;
  void KeepTopK();
  void KeepTopP(float largest);
  void KeepMinP(float largest);
  int32_t Draw(float largest);

  SamplingOptions options_;
  uint64_t state_;
  std::vector<int32_t> seen_;  // each once
  std::vector<bool> is_seen_;  // by id
  std::vector<float> penalized_;
  std::vector<Candidate> candidates_;
};

/// log(sum exp(logits)) in double. `logits` must not be empty.
double LogSumExp(std::span<const float> logits);

}  // namespace w8a16
