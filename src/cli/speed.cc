#include "cli/speed.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "cli/median.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::span<const float> Step(Model& model, std::span<const int32_t> ids, KvCache& cache) {
  const std::array<SequenceInput, 1> input = {{{ids, &cache}}};
  return model.Forward(input, LogitsFor::kLastToken);
}

int32_t ArgMax(std::span<const float> logits) {
  return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

double DecodeSeconds(Model& model, std::span<const int32_t> prompt, int64_t new_tokens) {
  KvCache cache(model);
  int32_t id = ArgMax(Step(model, prompt, cache));
  const Clock::time_point start = Clock::now();
  for (int64_t i = 0; i < new_tokens; ++i) id = ArgMax(Step(model, std::span(&id, 1), cache));
  return SecondsSince(start);
}

// Three runs, more while they are short, fewer where one takes seconds.
template <class Run>
double MedianSeconds(const Run& run, const std::function<void()>& check) {
  std::vector<double> seconds;
  double total = 0;
  while ((seconds.size() < 3 && total < 2) || (total < 0.3 && seconds.size() < 100)) {
    if (check) check();
    seconds.push_back(run());
    total += seconds.back();
  }
  return Median(std::move(seconds));
}

}  // namespace

std::vector<int32_t> MadeUpPrompt(const Model& model, int64_t tokens) {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < tokens; ++i) ids.push_back(static_cast<int32_t>((i * 7919 + 11) % model.vocab_size()));
  return ids;
}

double FirstTokenSeconds(Model& model, int64_t tokens) {
  const std::vector<int32_t> prompt = MadeUpPrompt(model, tokens);
  const Clock::time_point start = Clock::now();
  KvCache cache(model);
  ArgMax(Step(model, prompt, cache));
  return SecondsSince(start);
}

ModelSpeed MeasureSpeed(Model& model, int64_t prompt_tokens, int64_t new_tokens, const std::function<void()>& check) {
  if (prompt_tokens > model.context() || new_tokens >= model.context()) {
    throw Error(StrCat("a prompt of ", prompt_tokens, " tokens and ", new_tokens,
                       " new ones do not fit the model's context of ", model.context(), " tokens; ask for fewer"));
  }
  const std::vector<int32_t> prompt = MadeUpPrompt(model, prompt_tokens);
  ModelSpeed speed;
  const auto prefill = [&] { return FirstTokenSeconds(model, prompt_tokens); };
  prefill();
  speed.prefill_tokens_per_second = static_cast<double>(prompt_tokens) / MedianSeconds(prefill, check);
  speed.decode_start = std::min(prompt_tokens, model.context() - new_tokens);
  const auto decode = [&] {
    return DecodeSeconds(model, std::span(prompt).first(static_cast<size_t>(speed.decode_start)), new_tokens);
  };
  speed.decode_tokens_per_second = static_cast<double>(new_tokens) / MedianSeconds(decode, check);
  return speed;
}

}  // namespace w8a16
