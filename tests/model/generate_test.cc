#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <fstream>
#include <set>

#include "base/parallel.h"
#include "testing/files.h"
#include "testing/goldens.h"
#include "w8a16/model.h"

namespace w8a16 {
namespace {

using ::testing::ElementsAre;
using testing::ExpectError;
using testing::GoldenDirectory;

using Ids = std::vector<int32_t>;

Model Load(const ModelOptions& options = {}) { return Model::Load(GoldenDirectory("llama-gqa"), options); }

const std::vector<Ids> kPrompts = {{1, 17, 93}, {1}, {1, 5, 6, 7, 8, 9, 10}, {1, 99}, {1, 17, 93, 4}, {1, 40, 3}};

const GenerateOptions kSampled = {.max_new_tokens = 20,
                                  .temperature = 1.2F,
                                  .top_k = 40,
                                  .top_p = 0.95F,
                                  .min_p = 0.001F,
                                  .repetition_penalty = 1.2F,
                                  .seed = 11,
                                  .logprobs = true};

TEST(GenerateBatch, GivesEachPromptWhatItGetsAlone) {
  for (const WeightPolicy weights : {WeightPolicy::kOriginal, WeightPolicy::kW8A16}) {
    Model model = Load({.weights = weights});
    for (const GenerateOptions& options : {GenerateOptions{.max_new_tokens = 12, .logprobs = true}, kSampled}) {
      for (const int64_t batch : {1, 2, 4, 16}) {
        const std::vector<GenerateResult> results = GenerateBatch(model, kPrompts, batch, options);
        ASSERT_EQ(results.size(), kPrompts.size());
        for (size_t i = 0; i < kPrompts.size(); ++i) {
          const GenerateResult alone = Generate(model, kPrompts[i], options);
          EXPECT_EQ(results[i].ids, alone.ids) << i << " of a batch of " << batch;
          EXPECT_EQ(results[i].logprobs, alone.logprobs);
          EXPECT_EQ(results[i].finish_reason, alone.finish_reason);
        }
      }
    }
  }
}

TEST(GenerateBatch, TokensComeInOrderAndOneThatEndsMakesRoom) {
  Model model = Load();
  std::vector<Ids> seen(kPrompts.size());
  size_t together = 0;
  std::vector<bool> ended(kPrompts.size());
  const auto results =
      GenerateBatch(model, kPrompts, 2, {.max_new_tokens = 6, .ignore_eos = true}, [&](size_t prompt, int32_t id) {
        seen[prompt].push_back(id);
        size_t running = 0;
        for (size_t i = 0; i < seen.size(); ++i) {
          running += !seen[i].empty() && !ended[i] ? 1 : 0;
        }
        together = std::max(together, running);
        // The second one stops early.
        ended[prompt] = seen[prompt].size() == 6 || (prompt == 1 && seen[1].size() == 2);
        return !(prompt == 1 && seen[1].size() == 2);
      });
  EXPECT_EQ(together, 2U);
  for (size_t i = 0; i < results.size(); ++i) EXPECT_EQ(results[i].ids, seen[i]);
  EXPECT_EQ(results[1].finish_reason, FinishReason::kStopped);
  EXPECT_EQ(results[0].finish_reason, FinishReason::kLength);
}

TEST(GenerateBatch, ManyTokensOfPromptsAreRunInSeveralPasses) {
  Model model = Load();
  std::vector<Ids> prompts(4, Ids(200));
  for (size_t p = 0; p < prompts.size(); ++p) {
    for (size_t i = 0; i < 200; ++i) prompts[p][i] = static_cast<int32_t>(3 + (i * (p + 3)) % 150);
  }
  const auto results = GenerateBatch(model, prompts, 4, {.max_new_tokens = 4, .ignore_eos = true});
  for (size_t p = 0; p < prompts.size(); ++p) {
    EXPECT_EQ(results[p].ids, Generate(model, prompts[p], {.max_new_tokens = 4, .ignore_eos = true}).ids);
  }
}

TEST(GenerateBatch, WrongUse) {
  Model model = Load();
  ExpectError([&] { GenerateBatch(model, kPrompts, 0, {}); }, {"room for at least one"});
  ExpectError([&] { GenerateBatch(model, std::vector<Ids>{{1}, {}}, 2, {}); }, {"prompt is empty"});
  EXPECT_TRUE(GenerateBatch(model, {}, 4, {}).empty());
}

TEST(Generate, TheSeedGivesTheSameTextOnAnyNumberOfThreads) {
  Model model = Load({.weights = WeightPolicy::kW8A16});
  const int before = MaxThreads();
  std::vector<std::vector<GenerateResult>> results;
  for (const int threads : {1, 2, 3}) {
    SetMaxThreads(threads);
    results.push_back(GenerateBatch(model, kPrompts, 3, kSampled));
  }
  SetMaxThreads(before);
  for (size_t i = 0; i < kPrompts.size(); ++i) {
    for (const size_t other : {1, 2}) {
      EXPECT_EQ(results[0][i].ids, results[other][i].ids);
      EXPECT_EQ(results[0][i].logprobs, results[other][i].logprobs);
    }
  }
}

TEST(Generate, ContinuesACache) {
  Model model = Load();
  const Ids text = {1, 17, 93, 4, 5, 6};
  KvCache cache(model);
  const GenerateOptions options = {.max_new_tokens = 8, .ignore_eos = true};
  const GenerateResult first = Generate(model, cache, text, options);
  EXPECT_EQ(cache.length(), 6 + 7);  // the last token has not been run
  // The same beginning, another end.
  Ids other(text.begin(), text.begin() + 4);
  other.push_back(77);
  cache.Truncate(4);
  EXPECT_EQ(Generate(model, cache, other, options).ids, Generate(model, other, options).ids);
  cache.Truncate(0);
  EXPECT_EQ(Generate(model, cache, text, options).ids, first.ids);
  ExpectError([&] { cache.Truncate(100); }, {"a cache of 13 tokens cannot be cut to 100"});
  ExpectError([&] { Generate(model, cache, text, options); }, {"a text of 6 tokens cannot continue a cache of 13"});
}

TEST(Generate, LogprobsAreThoseOfTheLogits) {
  Model model = Load();
  const GenerateResult result =
      Generate(model, kPrompts[0], {.max_new_tokens = 3, .ignore_eos = true, .logprobs = true});
  ASSERT_EQ(result.logprobs.size(), 3U);
  KvCache cache(model);
  const std::array<SequenceInput, 1> input = {{{kPrompts[0], &cache}}};
  const std::span<const float> logits = model.Forward(input, LogitsFor::kLastToken);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
  EXPECT_NEAR(result.logprobs[0], std::log(std::exp(logits[static_cast<size_t>(result.ids[0])]) / sum), 1e-6);
  EXPECT_TRUE(Generate(model, kPrompts[0], {.max_new_tokens = 3}).logprobs.empty());
}

TEST(Generate, StopIdsEndTheText) {
  Model model = Load();
  const Ids on = Generate(model, kPrompts[0], {.max_new_tokens = 8, .ignore_eos = true}).ids;
  const GenerateResult stopped = Generate(model, kPrompts[0], {.max_new_tokens = 8, .stop_ids = {on[3]}});
  EXPECT_EQ(stopped.finish_reason, FinishReason::kEos);
  EXPECT_EQ(stopped.ids, Ids(on.begin(), std::find(on.begin(), on.end(), on[3])));
}

TEST(Generate, RepetitionPenaltyKnowsThePromptAndTheNewText) {
  Model model = Load();
  // So hard that greedy never says again what was said.
  const GenerateResult result =
      Generate(model, kPrompts[2], {.max_new_tokens = 60, .repetition_penalty = 1e6F, .ignore_eos = true});
  Ids all = kPrompts[2];
  all.insert(all.end(), result.ids.begin(), result.ids.end());
  const std::set<int32_t> distinct(all.begin(), all.end());
  EXPECT_EQ(distinct.size(), all.size());
}

class GenerationConfig : public ::testing::Test {
 protected:
  GenerateOptions Read(const std::string& json) const {
    std::ofstream(dir_ / "generation_config.json") << json;
    return LoadGenerateOptions(dir_.path());
  }
  testing::TempDir dir_;
};

TEST_F(GenerationConfig, NoneIsGreedy) {
  const GenerateOptions options = LoadGenerateOptions(dir_.path());
  EXPECT_EQ(options.temperature, 0);
  EXPECT_EQ(options.max_new_tokens, 128);
  EXPECT_EQ(LoadGenerateOptions(dir_.path(), {.max_new_tokens = 7}).max_new_tokens, 7);
}

TEST_F(GenerationConfig, SamplingOnlyWhereItAsksForIt) {
  const std::string values =
      R"("temperature": 0.6, "top_k": 20, "top_p": 0.8, "min_p": 0.1, "repetition_penalty": 1.05, "max_new_tokens": 9)";
  const GenerateOptions sampled = Read("{\"do_sample\": true, " + values + "}");
  EXPECT_EQ(sampled.temperature, 0.6F);
  EXPECT_EQ(sampled.top_k, 20);
  EXPECT_EQ(sampled.top_p, 0.8F);
  EXPECT_EQ(sampled.min_p, 0.1F);
  EXPECT_EQ(sampled.repetition_penalty, 1.05F);
  EXPECT_EQ(sampled.max_new_tokens, 9);
  for (const char* prefix : {"{", "{\"do_sample\": false, ", "{\"do_sample\": null, "}) {
    const GenerateOptions greedy = Read(prefix + values + "}");
    EXPECT_EQ(greedy.temperature, 0);
    EXPECT_EQ(greedy.top_k, 0);
    EXPECT_EQ(greedy.top_p, 1);
    EXPECT_EQ(greedy.min_p, 0);
    EXPECT_EQ(greedy.repetition_penalty, 1.05F);
    EXPECT_EQ(greedy.max_new_tokens, 9);
  }
}

TEST_F(GenerationConfig, DefaultsOfTransformers) {
  const GenerateOptions options = Read(R"({"do_sample": true, "top_p": null})");
  EXPECT_EQ(options.temperature, 1);
  EXPECT_EQ(options.top_k, 50);
  EXPECT_EQ(options.top_p, 1);
  EXPECT_EQ(Read(R"({"do_sample": true, "top_k": -1})").top_k, 0);
}

TEST_F(GenerationConfig, ErrorsNameFileAndKey) {
  for (const auto& [json, key] :
       std::vector<std::pair<std::string, std::string>>{{R"({"do_sample": true, "temperature": -1})", "temperature"},
                                                        {R"({"do_sample": true, "top_p": 0})", "top_p"},
                                                        {R"({"do_sample": true, "min_p": 2})", "min_p"},
                                                        {R"({"do_sample": true, "top_k": 1.5})", "top_k"},
                                                        {R"({"do_sample": "yes"})", "do_sample"},
                                                        {R"({"repetition_penalty": 0})", "repetition_penalty"},
                                                        {R"({"max_new_tokens": -1})", "max_new_tokens"}}) {
    ExpectError([&] { Read(json); }, {"generation_config.json", key});
  }
}

}  // namespace
}  // namespace w8a16
