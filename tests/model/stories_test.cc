#include <gtest/gtest.h>

#include <array>
#include <tuple>

#include "model/evaluate.h"
#include "testing/goldens.h"
#include "text/tokenizer.h"
#include "w8a16/model.h"

namespace w8a16 {
namespace {

using testing::ReadJson;
using testing::RelativeError;
using testing::StoriesDirectory;

// A trained model with transformers' results for it.
class Stories : public ::testing::TestWithParam<WeightPolicy> {
 protected:
  void SetUp() override {
    directory_ = StoriesDirectory();
    if (directory_.empty()) GTEST_SKIP() << "the model stories260K is not here";
    golden_ = ReadJson(directory_ / "golden.json");
  }
  Model Load() const { return Model::Load(directory_, {.dtype = DType::kF32, .weights = GetParam()}); }
  bool quantized() const { return GetParam() == WeightPolicy::kW8A16; }

  std::filesystem::path directory_;
  Json golden_;
};

TEST_P(Stories, GreedyIdsAndLastLogits) {
  const Tokenizer tokenizer = Tokenizer::Load(directory_);
  Model model = Load();
  for (const Json& generation : golden_["generations"]) {
    const auto ids = generation["input_ids"].get<std::vector<int32_t>>();
    EXPECT_EQ(tokenizer.Encode(generation["prompt"].get<std::string>(), true), ids);
    const auto expected = generation[quantized() ? "w8a16_greedy" : "greedy"].get<std::vector<int32_t>>();
    const GenerateResult result =
        Generate(model, ids, {.max_new_tokens = static_cast<int64_t>(expected.size()), .ignore_eos = true});
    EXPECT_EQ(result.ids, expected);

    if (quantized()) continue;
    KvCache cache(model);
    const std::array<SequenceInput, 1> input = {{{ids, &cache}}};
    EXPECT_LT(
        RelativeError(model.Forward(input, LogitsFor::kLastToken), generation["last_logits"].get<std::vector<float>>()),
        1e-4);
  }
}

TEST_P(Stories, Perplexity) {
  const Tokenizer tokenizer = Tokenizer::Load(directory_);
  Model model = Load();
  std::vector<std::vector<int32_t>> documents;
  for (const Json& text : ReadJson(directory_ / "stories.json")) {
    documents.push_back(tokenizer.Encode(text.get<std::string>(), true));
  }
  const Json& expected = golden_["perplexity"];
  const Evaluation result = Evaluate(model, documents);
  EXPECT_EQ(result.tokens, expected["tokens"].get<int64_t>());
  // Float and W8A16 differ by 4e-5 here, so this tells them apart.
  const auto perplexity = expected[quantized() ? "w8a16_except_lm_head" : "float32"].get<double>();
  EXPECT_NEAR(result.perplexity / perplexity, 1, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Weights, Stories, ::testing::Values(WeightPolicy::kOriginal, WeightPolicy::kW8A16),
                         [](const auto& param_info) {
                           return std::string(param_info.param == WeightPolicy::kW8A16 ? "w8a16" : "original");
                         });

TEST(Evaluate, AgainstItselfNothingDiffers) {
  const std::filesystem::path directory = testing::GoldenDirectory("llama-gqa");
  Model model = Model::Load(directory);
  Model other = Model::Load(directory);
  const std::vector<std::vector<int32_t>> documents = {{1, 17, 93, 5, 44}, {1, 8}};
  const Evaluation result = Evaluate(model, documents, &other);
  EXPECT_EQ(result.tokens, 5);
  EXPECT_EQ(result.documents, 2);
  EXPECT_EQ(result.kl_divergence, 0.0);
  EXPECT_EQ(result.top1_agreement, 1.0);
}

TEST(Evaluate, LongDocumentsAreCutIntoWindows) {
  const std::filesystem::path directory = testing::GoldenDirectory("llama-gqa");
  Model model = Model::Load(directory, {.context = 4});
  const std::vector<std::vector<int32_t>> whole = {{1, 17, 93, 5, 44, 7, 9, 20, 3}};
  const std::vector<std::vector<int32_t>> windows = {{1, 17, 93, 5}, {44, 7, 9, 20}, {3}};
  const Evaluation a = Evaluate(model, whole);
  EXPECT_EQ(a.tokens, 6);
  EXPECT_EQ(a.perplexity, Evaluate(model, windows).perplexity);
}

}  // namespace
}  // namespace w8a16
