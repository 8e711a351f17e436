#include "text/sampling.h"

#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

// splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014; the constants are those
// of Sebastiano Vigna's public-domain splitmix64.c). std:: distributions differ between libraries.
uint64_t NextRandom(uint64_t& state) {
  uint64_t z = (state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

// Uniform in [0, 1): the upper 53 bits, as many as a double holds.
double NextUniform(uint64_t& state) { return static_cast<double>(NextRandom(state) >> 11) * 0x1p-53; }

// A total order, so that nothing depends on how the library sorts.
bool MoreLikely(const std::pair<float, int32_t>& a, const std::pair<float, int32_t>& b) {
  return a.first != b.first ? a.first > b.first : a.second < b.second;
}
bool LessLikely(const std::pair<float, int32_t>& a, const std::pair<float, int32_t>& b) { return MoreLikely(b, a); }

}  // namespace

Sampler::Sampler(const SamplingOptions& options) : options_(options), state_(options.seed) {
  if (!std::isfinite(options.temperature) || options.temperature < 0) {
    throw Error(StrCat("temperature must be finite and at least 0, is ", options.temperature));
  }
  if (options.top_k < 0) throw Error(StrCat("top_k must be at least 0 (all tokens), is ", options.top_k));
  if (!(options.top_p > 0 && options.top_p <= 1)) {
    throw Error(StrCat("top_p must be above 0 and at most 1, is ", options.top_p));
  }
  if (!(options.min_p >= 0 && options.min_p <= 1)) throw Error(StrCat("min_p must be 0 to 1, is ", options.min_p));
  if (!std::isfinite(options.repetition_penalty) || options.repetition_penalty <= 0) {
    throw Error(StrCat("repetition_penalty must be finite and above 0, is ", options.repetition_penalty));
  }
}

void Sampler::See(std::span<const int32_t> ids) {
  if (options_.repetition_penalty == 1) return;
  for (const int32_t id : ids) {
    if (id < 0) continue;
    const auto index = static_cast<size_t>(id);
    if (index >= is_seen_.size()) is_seen_.resize(index + 1);
    if (is_seen_[index]) continue;
    is_seen_[index] = true;
    seen_.push_back(id);
  }
}

int32_t Sampler::Sample(std::span<const float> logits) {
  if (logits.empty()) throw Error("no logits to choose a token from");
  logits = Penalize(logits);
  size_t best = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (std::isnan(logits[i])) {
      throw Error(StrCat("the logit of token ", i, " is NaN: the model's weights or input are damaged"));
    }
    if (logits[i] > logits[best]) best = i;
  }
  if (options_.temperature == 0) return static_cast<int32_t>(best);
  candidates_.clear();
  for (size_t i = 0; i < logits.size(); ++i) candidates_.emplace_back(logits[i], static_cast<int32_t>(i));
  KeepTopK();
  KeepTopP(logits[best]);
  KeepMinP(logits[best]);
  return Draw(logits[best]);
}

std::span<const float> Sampler::Penalize(std::span<const float> logits) {
  if (seen_.empty()) return logits;
  penalized_.assign(logits.begin(), logits.end());
  const float penalty = options_.repetition_penalty;
  for (const int32_t id : seen_) {
    if (static_cast<size_t>(id) >= penalized_.size()) continue;
    float& logit = penalized_[static_cast<size_t>(id)];
    logit = logit < 0 ? logit * penalty : logit / penalty;
  }
  return penalized_;
}

double Sampler::Weight(float logit, float largest) const {
  // Infinite logits would make a NaN of their difference.
  if (logit == largest) return 1;
  return std::exp((static_cast<double>(logit) - largest) / options_.temperature);
}

void Sampler::KeepTopK() {
  const auto k = static_cast<size_t>(options_.top_k);
  if (k == 0 || k >= candidates_.size()) return;
  const auto end = candidates_.begin() + static_cast<ptrdiff_t>(k);
  std::nth_element(candidates_.begin(), end, candidates_.end(), MoreLikely);
  candidates_.erase(end, candidates_.end());
  std::sort(candidates_.begin(), candidates_.end(), MoreLikely);
}

// A heap gives the most likely ones in order, without sorting the rest of the vocabulary.
void Sampler::KeepTopP(float largest) {
  if (options_.top_p == 1) return;
  double total = 0;
  for (const auto& [logit, id] : candidates_) total += Weight(logit, largest);
  const double enough = total * options_.top_p;
  std::make_heap(candidates_.begin(), candidates_.end(), LessLikely);
  auto rest = candidates_.end();
  for (double kept = 0; kept < enough && rest != candidates_.begin(); --rest) {
    kept += Weight(candidates_.front().first, largest);
    std::pop_heap(candidates_.begin(), rest, LessLikely);
  }
  // pop_heap leaves the most likely one last.
  candidates_.erase(candidates_.begin(), rest);
  std::reverse(candidates_.begin(), candidates_.end());
}

void Sampler::KeepMinP(float largest) {
  if (options_.min_p == 0) return;
  std::erase_if(candidates_, [&](const Candidate& c) { return Weight(c.first, largest) < options_.min_p; });
}

int32_t Sampler::Draw(float largest) {
  double total = 0;
  for (const auto& [logit, id] : candidates_) total += Weight(logit, largest);
  const double target = NextUniform(state_) * total;
  size_t i = 0;
  double sum = Weight(candidates_[0].first, largest);
  while (sum <= target && i + 1 < candidates_.size()) sum += Weight(candidates_[++i].first, largest);
  return candidates_[i].second;
}

double LogSumExp(std::span<const float> logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  return largest + std::log(sum);
}

}  // namespace w8a16
