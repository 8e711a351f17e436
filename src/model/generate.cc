#include <algorithm>
#include <array>
#include <chrono>
#include <list>

#include "base/strings.h"
#include "text/sampling.h"
#include "w8a16/error.h"
#include "w8a16/model.h"

namespace w8a16 {
namespace {

using Clock = std::chrono::steady_clock;
using OnToken = std::function<bool(int32_t id)>;

double SecondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// One text that grows by a token a pass.
class Generation {
 public:
  Generation(const Model& model, KvCache& cache, std::span<const int32_t> text, const GenerateOptions& options,
             OnToken on_token)
      : model_(model),
        cache_(cache),
        options_(options),
        on_token_(std::move(on_token)),
        sampler_({options.temperature, options.top_k, options.top_p, options.min_p, options.repetition_penalty,
                  options.seed}) {
    if (text.empty()) throw Error("the prompt is empty: at least one token is needed to continue");
    const auto cached = static_cast<size_t>(cache.length());
    if (cached >= text.size()) {
      throw Error(StrCat("a text of ", text.size(), " tokens cannot continue a cache of ", cached));
    }
    pending_ = text.subspan(cached);
    sampler_.See(text);
  }

  /// What the next pass has to run.
  SequenceInput input() const { return {pending_, &cache_}; }
  bool started() const { return started_; }
  bool done() const { return done_; }

  /// Takes the logits of a pass over input(), which took `seconds`.
  void Advance(std::span<const float> logits, double seconds) {
    (started_ ? result_.decode_seconds : result_.prefill_seconds) += seconds;
    started_ = true;
    done_ = !Choose(logits);
  }

  GenerateResult TakeResult() { return std::move(result_); }

 private:
  // False: the text ends here.
  bool Choose(std::span<const float> logits) {
    if (options_.max_new_tokens <= 0) return false;
    const int32_t id = sampler_.Sample(logits);
    if (EndsText(id)) return End(FinishReason::kEos);
    result_.ids.push_back(id);
    if (options_.logprobs) {
      result_.logprobs.push_back(static_cast<double>(logits[static_cast<size_t>(id)]) - LogSumExp(logits));
    }
    if (on_token_ && !on_token_(id)) return End(FinishReason::kStopped);
    if (static_cast<int64_t>(result_.ids.size()) >= options_.max_new_tokens) return End(FinishReason::kLength);
    if (cache_.length() == model_.context()) return End(FinishReason::kContext);
    last_ = id;
    pending_ = std::span(&last_, 1);
    sampler_.See(pending_);
    return true;
  }

  bool EndsText(int32_t id) const {
    const auto has = [&](const std::vector<int32_t>& ids) {
      return std::find(ids.begin(), ids.end(), id) != ids.end();
    };
    return !options_.ignore_eos && (has(model_.eos_ids()) || has(options_.stop_ids));
  }

  bool End(FinishReason reason) {
    result_.finish_reason = reason;
    return false;
  }

  const Model& model_;
  KvCache& cache_;
  const GenerateOptions& options_;
  OnToken on_token_;
  Sampler sampler_;
  std::span<const int32_t> pending_;
  int32_t last_ = 0;
  bool started_ = false;
  bool done_ = false;
  GenerateResult result_;
};

// One pass over all of `generations`.
void Step(Model& model, std::span<Generation* const> generations) {
  std::vector<SequenceInput> inputs;
  inputs.reserve(generations.size());
  for (const Generation* generation : generations) inputs.push_back(generation->input());
  const Clock::time_point start = Clock::now();
  const std::span<const float> logits = model.Forward(inputs, LogitsFor::kLastToken);
  const double seconds = SecondsSince(start);
  const auto vocab = static_cast<size_t>(model.vocab_size());
  for (size_t i = 0; i < generations.size(); ++i) generations[i]->Advance(logits.subspan(i * vocab, vocab), seconds);
}

/// A prompt of a batch that is being continued; at a fixed address, for the generation refers to the cache.
struct Running {
  Running(const Model& model, size_t prompt_index, std::span<const int32_t> ids, const GenerateOptions& options,
          OnToken on_token)
      : index(prompt_index), cache(model), generation(model, cache, ids, options, std::move(on_token)) {}

  size_t index;
  KvCache cache;
  Generation generation;
};

// Those to run next: new prompts first and by themselves, up to some number of tokens (a pass takes memory for each of
// its tokens), else all others.
std::vector<Generation*> NextPass(std::list<Running>& running) {
  constexpr size_t kPrefillTokens = 512;
  std::vector<Generation*> pass;
  size_t tokens = 0;
  for (Running& r : running) {
    const size_t length = r.generation.input().ids.size();
    if (r.generation.started() || (!pass.empty() && tokens + length > kPrefillTokens)) continue;
    tokens += length;
    pass.push_back(&r.generation);
  }
  if (!pass.empty()) return pass;
  for (Running& r : running) pass.push_back(&r.generation);
  return pass;
}

}  // namespace

GenerateResult Generate(Model& model, KvCache& cache, std::span<const int32_t> text, const GenerateOptions& options,
                        const OnToken& on_token) {
  Generation generation(model, cache, text, options, on_token);
  const std::array<Generation*, 1> all = {&generation};
  while (!generation.done()) Step(model, all);
  return generation.TakeResult();
}

GenerateResult Generate(Model& model, std::span<const int32_t> prompt, const GenerateOptions& options,
                        const OnToken& on_token) {
  KvCache cache(model);
  return Generate(model, cache, prompt, options, on_token);
}

std::vector<GenerateResult> GenerateBatch(Model& model, std::span<const std::vector<int32_t>> prompts, int64_t batch,
                                          const GenerateOptions& options,
                                          const std::function<bool(size_t prompt, int32_t id)>& on_token) {
  if (batch < 1) throw Error(StrCat("a batch must have room for at least one prompt, is ", batch));
  std::vector<GenerateResult> results(prompts.size());
  std::list<Running> running;
  for (size_t next = 0; next < prompts.size() || !running.empty();) {
    for (; next < prompts.size() && static_cast<int64_t>(running.size()) < batch; ++next) {
      OnToken each;
      if (on_token) each = [&on_token, next](int32_t id) { return on_token(next, id); };
      running.emplace_back(model, next, prompts[next], options, std::move(each));
    }
    Step(model, NextPass(running));
    for (Running& r : running) {
      if (r.generation.done()) results[r.index] = r.generation.TakeResult();
    }
    running.remove_if([](const Running& r) { return r.generation.done(); });
  }
  return results;
}

}  // namespace w8a16
