#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "w8a16/model.h"

namespace w8a16 {

struct ModelSpeed {
  double prefill_tokens_per_second = 0;
  double decode_tokens_per_second = 0;
  int64_t decode_start = 0;  ///< length of the text that decoding began with
};

/// The median of several runs, warmed up: a prompt of `prompt_tokens` in one pass; `new_tokens` tokens one at a time,
/// each the likeliest, after a prompt that leaves room for them in the context. `check` is called between runs (it may
/// throw). Throws Error where the numbers do not fit the context.
ModelSpeed MeasureSpeed(Model& model, int64_t prompt_tokens, int64_t new_tokens,
                        const std::function<void()>& check = {});

/// Made-up token ids, always the same.
std::vector<int32_t> MadeUpPrompt(const Model& model, int64_t tokens);

/// Seconds for the first token after a prompt of `tokens`.
double FirstTokenSeconds(Model& model, int64_t tokens);

}  // namespace w8a16
