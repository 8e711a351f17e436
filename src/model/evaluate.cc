#include "model/evaluate.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/strings.h"
#include "text/sampling.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

// All in float64: perplexities are compared to seven digits.
double KlDivergence(std::span<const float> p_logits, std::span<const float> q_logits) {
  const double p_norm = LogSumExp(p_logits);
  const double q_norm = LogSumExp(q_logits);
  double sum = 0;
  for (size_t i = 0; i < p_logits.size(); ++i) {
    const double log_p = static_cast<double>(p_logits[i]) - p_norm;
    const double log_q = static_cast<double>(q_logits[i]) - q_norm;
    sum += std::exp(log_p) * (log_p - log_q);
  }
  return sum;
}

size_t ArgMax(std::span<const float> logits) {
  return static_cast<size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

// Runs one window and calls fn(next id, logits of the model, of the other) for every predicted token.
class Scorer {
 public:
  Scorer(Model& model, Model* against) : model_(model), against_(against) {}

  void Score(std::span<const int32_t> window) {
    const std::span<const float> logits = Run(model_, window);
    const std::span<const float> reference = against_ == nullptr ? logits : Run(*against_, window);
    const auto vocab = static_cast<size_t>(model_.vocab_size());
    for (size_t i = 0; i + 1 < window.size(); ++i) {
      const std::span<const float> row = logits.subspan(i * vocab, vocab);
      nll_ += LogSumExp(row) - static_cast<double>(row[static_cast<size_t>(window[i + 1])]);
      ++tokens_;
      if (against_ == nullptr) continue;
      const std::span<const float> other = reference.subspan(i * vocab, vocab);
      kl_ += KlDivergence(other, row);
      agreed_ += ArgMax(other) == ArgMax(row) ? 1 : 0;
    }
  }

  Evaluation Result(int64_t documents) const {
    const auto n = static_cast<double>(tokens_);
    Evaluation evaluation{.perplexity = std::exp(nll_ / n),
                          .tokens = tokens_,
                          .documents = documents,
                          .kl_divergence = {},
                          .top1_agreement = {}};
    if (against_ != nullptr) {
      evaluation.kl_divergence = kl_ / n;
      evaluation.top1_agreement = static_cast<double>(agreed_) / n;
    }
    return evaluation;
  }

  int64_t tokens() const { return tokens_; }

 private:
  static std::span<const float> Run(Model& model, std::span<const int32_t> window) {
    KvCache cache(model);
    const std::array<SequenceInput, 1> input = {{{window, &cache}}};
    return model.Forward(input, LogitsFor::kAllTokens);
  }

  Model& model_;
  Model* against_;
  double nll_ = 0;
  double kl_ = 0;
  int64_t tokens_ = 0;
  int64_t agreed_ = 0;
};

}  // namespace

Evaluation Evaluate(Model& model, std::span<const std::vector<int32_t>> documents, Model* against,
                    const std::function<void(int64_t done, int64_t total)>& progress) {
  if (against != nullptr && against->vocab_size() != model.vocab_size()) {
    throw Error(StrCat("the two models cannot be compared: their vocabularies have ", model.vocab_size(), " and ",
                       against->vocab_size(), " tokens"));
  }
  int64_t window = model.context();
  if (against != nullptr) window = std::min(window, against->context());
  Scorer scorer(model, against);
  for (size_t d = 0; d < documents.size(); ++d) {
    const std::span<const int32_t> ids = documents[d];
    for (size_t begin = 0; begin < ids.size(); begin += static_cast<size_t>(window)) {
      scorer.Score(ids.subspan(begin, std::min(static_cast<size_t>(window), ids.size() - begin)));
    }
    if (progress) progress(static_cast<int64_t>(d) + 1, static_cast<int64_t>(documents.size()));
  }
  if (scorer.tokens() == 0) throw Error("the documents are too short: there is no token to predict");
  return scorer.Result(static_cast<int64_t>(documents.size()));
}

}  // namespace w8a16
