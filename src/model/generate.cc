#include <algorithm>
#include <array>
#include <chrono>

#include "text/sampling.h"
#include "w8a16/error.h"
#include "w8a16/model.h"

namespace w8a16 {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

GenerateResult Generate(Model& model, std::span<const int32_t> prompt, const GenerateOptions& options,
                        const std::function<bool(int32_t)>& on_token) {
  if (prompt.empty()) throw Error("the prompt is empty: at least one token is needed to continue");
  Sampler sampler({options.temperature, options.top_k, options.top_p, options.seed});
  GenerateResult result;
  KvCache cache(model);
  Clock::time_point start = Clock::now();
  const std::array<SequenceInput, 1> input = {{{prompt, &cache}}};
  std::span<const float> logits = model.Forward(input, LogitsFor::kLastToken);
  result.prefill_seconds = SecondsSince(start);

  start = Clock::now();
  const std::vector<int32_t>& ends = model.eos_ids();
  while (static_cast<int64_t>(result.ids.size()) < options.max_new_tokens) {
    const int32_t id = sampler.Sample(logits);
    if (!options.ignore_eos && std::find(ends.begin(), ends.end(), id) != ends.end()) {
      result.finish_reason = FinishReason::kEos;
      break;
    }
    result.ids.push_back(id);
    if (on_token && !on_token(id)) break;
    if (static_cast<int64_t>(result.ids.size()) == options.max_new_tokens) break;
    if (cache.length() == model.context()) {
      result.finish_reason = FinishReason::kContext;
      break;
    }
    const std::array<SequenceInput, 1> next = {{{std::span(&id, 1), &cache}}};
    logits = model.Forward(next, LogitsFor::kLastToken);
  }
  result.decode_seconds = SecondsSince(start);
  return result;
}

}  // namespace w8a16
