#include "w8a16/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "testing/goldens.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

using testing::GoldenDirectory;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Model Load(const ModelOptions& options = {}) { return Model::Load(GoldenDirectory("llama-gqa"), options); }

TEST(Model, TakesContextFromConfigOrOption) {
  EXPECT_EQ(Load().context(), 256);
  EXPECT_EQ(Load({.context = 20}).context(), 20);
  EXPECT_THAT([] { Load({.context = 257}); }, ThrowsMessage<Error>(HasSubstr("this model has 1 to 256")));
}

TEST(Model, RefusesTextsBeyondTheContextAndChangesNothing) {
  Model model = Load({.context = 4});
  KvCache cache(model);
  const std::vector<int32_t> ids = {1, 2, 3, 4, 5};
  const std::array<SequenceInput, 1> input = {{{ids, &cache}}};
  EXPECT_THAT([&] { model.Forward(input, LogitsFor::kLastToken); },
              ThrowsMessage<Error>(HasSubstr("5 tokens does not fit the context of 4 tokens")));
  EXPECT_EQ(cache.length(), 0);
}

TEST(Model, RefusesIdsOutsideTheVocabulary) {
  Model model = Load();
  for (const int32_t id : {-1, 160}) {
    EXPECT_THAT(
        [&] {
          Generate(model, std::array{1, id}, {});
        },
        ThrowsMessage<Error>(HasSubstr("outside the model's vocabulary of 160")));
  }
}

TEST(Model, RefusesAnEmptyPrompt) {
  Model model = Load();
  EXPECT_THAT([&] { Generate(model, {}, {}); }, ThrowsMessage<Error>(HasSubstr("the prompt is empty")));
}

TEST(Generate, StopsAtTheContextsEnd) {
  Model model = Load({.context = 6});
  const GenerateResult result = Generate(model, std::array{1, 17, 93}, {.ignore_eos = true});
  EXPECT_EQ(result.finish_reason, FinishReason::kContext);
  EXPECT_EQ(result.ids.size(), 4U);  // three that are fed back and fill the context, and the one they predict
}

TEST(Generate, StopsAtEndOfText) {
  Model model = Load();
  ASSERT_THAT(model.eos_ids(), ::testing::ElementsAre(2));
  // Find a prompt that the model ends, by trying first ids.
  for (int32_t id = 3; id < 160; ++id) {
    const GenerateResult on = Generate(model, std::array{1, id}, {.max_new_tokens = 40, .ignore_eos = true});
    const auto end = std::find(on.ids.begin(), on.ids.end(), 2);
    if (end == on.ids.end()) continue;
    const GenerateResult stopped = Generate(model, std::array{1, id}, {.max_new_tokens = 40});
    EXPECT_EQ(stopped.finish_reason, FinishReason::kEos);
    EXPECT_EQ(stopped.ids, std::vector<int32_t>(on.ids.begin(), end));
    return;
  }
  FAIL() << "no prompt of this model leads to its end-of-text id";
}

TEST(Generate, CallbackStops) {
  Model model = Load();
  std::vector<int32_t> seen;
  const GenerateResult result = Generate(model, std::array{1, 17}, {.ignore_eos = true}, [&](int32_t id) {
    seen.push_back(id);
    return seen.size() < 3;
  });
  EXPECT_EQ(seen.size(), 3U);
  EXPECT_EQ(result.ids, seen);
}

TEST(Generate, TheSeedDecides) {
  Model model = Load();
  const auto run = [&](uint64_t seed) {
    return Generate(model, std::array{1, 17},
                    {.max_new_tokens = 40, .temperature = 1, .seed = seed, .ignore_eos = true})
        .ids;
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

TEST(KvCache, GrowsWithoutChangingResults) {
  // The first allocation holds 64 positions.
  Model model = Load();
  std::vector<int32_t> ids;
  for (int32_t i = 0; i < 255; ++i) ids.push_back(3 + (i * 7) % 150);
  KvCache whole(model);
  const std::array<SequenceInput, 1> all = {{{ids, &whole}}};
  const std::span<const float> logits = model.Forward(all, LogitsFor::kLastToken);
  const std::vector<float> expected(logits.begin(), logits.end());
  KvCache cache(model);
  std::span<const float> last;
  for (size_t i = 0; i < ids.size(); i += 15) {
    const std::array<SequenceInput, 1> part = {{{std::span(ids).subspan(i, 15), &cache}}};
    last = model.Forward(part, LogitsFor::kLastToken);
  }
  EXPECT_LT(testing::RelativeError(last, expected), 1e-5);
  cache.Clear();
  EXPECT_EQ(cache.length(), 0);
}

// Beyond the original context a long-context model turns all positions by other frequencies: what was cached before is
// made again.
TEST(KvCache, IsMadeAgainWhereTheTextOutgrowsTheOriginalContext) {
  Model model = Model::Load(GoldenDirectory("phi3-longrope-long"));
  const std::vector<int32_t> ids = {1, 17, 93, 5, 44, 88, 8, 77, 3, 101, 61, 29};  // the original context is 8
  KvCache whole(model);
  const std::array<SequenceInput, 1> all = {{{ids, &whole}}};
  const std::span<const float> logits = model.Forward(all, LogitsFor::kLastToken);
  const std::vector<float> expected(logits.begin(), logits.end());
  KvCache cache(model);
  KvCache other(model);  // beside it, one that stays short
  std::span<const float> last;
  for (size_t i = 0; i < ids.size(); i += 3) {
    const std::array<SequenceInput, 2> part = {
        {{std::span(ids).subspan(i, 3), &cache}, {std::span(ids).first(1), &other}}};
    last = model.Forward(part, LogitsFor::kLastToken);
  }
  EXPECT_EQ(cache.length(), 12);
  EXPECT_LT(testing::RelativeError(last.first(expected.size()), expected), 1e-5);
  // A cleared cache begins anew.
  cache.Clear();
  const std::array<SequenceInput, 1> again = {{{ids, &cache}}};
  EXPECT_LT(testing::RelativeError(model.Forward(again, LogitsFor::kLastToken), expected), 1e-5);
}

}  // namespace
}  // namespace w8a16
