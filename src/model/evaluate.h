#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "w8a16/model.h"

namespace w8a16 {

struct Evaluation {
  double perplexity = 0;  ///< exp(total negative log-likelihood / tokens), natural logarithm
  int64_t tokens = 0;     ///< predicted ones
  int64_t documents = 0;
  std::optional<double> kl_divergence;   ///< mean over predicted tokens of KL(against || model) in nats
  std::optional<double> top1_agreement;  ///< share of predicted tokens whose most likely id is the same in both
};

/// Scores `documents` (token ids, each beginning with BOS where the model has one). The first token of a document is
/// not predicted. Documents longer than the context are cut into consecutive windows; the first token of each is not
/// predicted either. Throws Error where there is nothing to predict and where the two models' vocabularies differ.
Evaluation Evaluate(Model& model, std::span<const std::vector<int32_t>> documents, Model* against = nullptr,
                    const std::function<void(int64_t done, int64_t total)>& progress = {});

}  // namespace w8a16
