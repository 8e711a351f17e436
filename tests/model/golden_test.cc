#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/isa.h"
#include "base/parallel.h"
#include "testing/goldens.h"
#include "w8a16/model.h"

namespace w8a16 {
namespace {

using testing::GoldenDirectory;
using testing::GoldenNames;
using testing::ReadJson;
using testing::RelativeError;

std::vector<float> Flatten(const Json& rows) {
  std::vector<float> out;
  for (const Json& row : rows) {
    for (const Json& value : row) out.push_back(value.get<float>());
  }
  return out;
}

std::vector<float> AllLogits(Model& model, std::span<const int32_t> ids) {
  KvCache cache(model);
  const std::array<SequenceInput, 1> input = {{{ids, &cache}}};
  const std::span<const float> logits = model.Forward(input, LogitsFor::kAllTokens);
  return {logits.begin(), logits.end()};
}

// Long enough that the work is shared out among threads; a token less than the model's context.
std::vector<int32_t> LongPrompt(const Model& model) {
  std::vector<int32_t> ids;
  const int64_t length = std::min<int64_t>(100, model.context() - 1);
  for (int64_t i = 0; i < length; ++i) ids.push_back(static_cast<int32_t>(3 + i * 7 % (model.vocab_size() - 3)));
  return ids;
}

struct Case {
  std::string name;
  WeightPolicy weights;
};

// transformers' own results, float and with every linear layer but the head replaced by W8A16.
class GoldenModel : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    directory_ = GoldenDirectory(GetParam().name);
    if (directory_.empty()) GTEST_SKIP() << "the golden model " << GetParam().name << " is not here";
    golden_ = ReadJson(directory_ / "golden.json");
    ids_ = golden_["input_ids"].get<std::vector<int32_t>>();
  }
  Model Load(std::optional<DType> dtype = DType::kF32) const {
    return Model::Load(directory_, {.dtype = dtype, .weights = GetParam().weights});
  }
  bool HasExperts() const {
    const Json config = ReadJson(directory_ / "config.json");
    return config.contains("num_experts") || config.contains("num_local_experts");
  }
  std::string RopeKind() const {
    const Json config = ReadJson(directory_ / "config.json");
    const Json scaling = config.value("rope_scaling", Json());
    return scaling.is_object() ? scaling.value("rope_type", scaling.value("type", "")) : "";
  }
  bool quantized() const { return GetParam().weights == WeightPolicy::kW8A16; }

  std::filesystem::path directory_;
  Json golden_;
  std::vector<int32_t> ids_;
};

TEST_P(GoldenModel, LogitsAtAllPositions) {
  Model model = Load();
  EXPECT_EQ(model.quantized(), quantized());
  const std::vector<float> expected = Flatten(golden_[quantized() ? "w8a16_logits" : "logits"]);
  EXPECT_LT(RelativeError(AllLogits(model, ids_), expected), 1e-4);
}

TEST_P(GoldenModel, GreedyIds) {
  const char* key = quantized() ? "w8a16_greedy" : "greedy";
  if (!golden_.contains(key)) GTEST_SKIP() << "no greedy ids for this model";
  Model model = Load();
  const auto expected = golden_[key].get<std::vector<int32_t>>();
  const GenerateResult result =
      Generate(model, ids_, {.max_new_tokens = static_cast<int64_t>(expected.size()), .ignore_eos = true});
  EXPECT_EQ(result.ids, expected);
  EXPECT_EQ(result.finish_reason, FinishReason::kLength);
}

TEST_P(GoldenModel, OneTokenAtATimeAgreesWithOnePass) {
  Model model = Load();
  const std::vector<float> whole = AllLogits(model, ids_);
  KvCache cache(model);
  std::vector<float> pieces;
  for (int32_t id : ids_) {
    const std::array<SequenceInput, 1> input = {{{std::span(&id, 1), &cache}}};
    const std::span<const float> row = model.Forward(input, LogitsFor::kLastToken);
    pieces.insert(pieces.end(), row.begin(), row.end());
  }
  EXPECT_EQ(cache.length(), static_cast<int64_t>(ids_.size()));
  // Where rotary embeddings follow the length of the text, earlier logits were those of shorter texts.
  const std::string kind = RopeKind();
  const size_t compared = kind == "longrope" ? static_cast<size_t>(model.vocab_size()) : whole.size();
  if (kind == "dynamic") GTEST_SKIP() << "cached keys stay as they were for a shorter text";
  EXPECT_LT(RelativeError(std::span(pieces).last(compared), std::span(whole).last(compared)), 1e-5);
}

TEST_P(GoldenModel, SameBitsForAnyNumberOfThreads) {
  const int before = MaxThreads();
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    Model model = Load(dtype);
    const std::vector<int32_t> ids = LongPrompt(model);
    SetMaxThreads(1);
    const std::vector<float> one = AllLogits(model, ids);
    SetMaxThreads(3);
    EXPECT_EQ(AllLogits(model, ids), one) << DTypeName(dtype);
    SetMaxThreads(before);
  }
}

TEST_P(GoldenModel, SameBitsForPromptsSideBySide) {
  Model model = Load();
  const std::vector<int32_t> ids = LongPrompt(model);
  const std::span<const int32_t> all = ids;
  const std::array<std::span<const int32_t>, 3> prompts = {all.subspan(0, 5), all, all.subspan(3, 1)};
  const std::array<int32_t, 3> next = {7, 8, 9};
  // Prompts together, and then a token of each together.
  const auto run = [&](std::span<const size_t> which) {
    std::vector<KvCache> caches;
    std::vector<SequenceInput> inputs;
    std::vector<float> logits;
    for (size_t i = 0; i < which.size(); ++i) caches.emplace_back(model);
    for (size_t i = 0; i < which.size(); ++i) inputs.push_back({prompts[which[i]], &caches[i]});
    const auto forward = [&] {
      const std::span<const float> rows = model.Forward(inputs, LogitsFor::kLastToken);
      logits.insert(logits.end(), rows.begin(), rows.end());
    };
    forward();
    for (size_t i = 0; i < which.size(); ++i) inputs[i].ids = std::span(&next[which[i]], 1);
    forward();
    return logits;
  };
  const std::vector<float> together = run(std::array<size_t, 3>{0, 1, 2});
  const auto vocabulary = static_cast<size_t>(model.vocab_size());
  for (size_t i = 0; i < 3; ++i) {
    const std::vector<float> alone = run(std::array{i});
    for (size_t step = 0; step < 2; ++step) {
      const auto row = std::span(together).subspan((3 * step + i) * vocabulary, vocabulary);
      EXPECT_TRUE(std::ranges::equal(row, std::span(alone).subspan(step * vocabulary, vocabulary))) << i << step;
    }
  }
}

TEST_P(GoldenModel, EveryInstructionSetAgrees) {
  const Isa active = ActiveIsa();
  SelectIsa(Isa::kRef);
  Model reference = Load();
  const std::vector<float> expected = AllLogits(reference, ids_);
  for (const Isa isa : AvailableIsas()) {
    SelectIsa(isa);
    Model model = Load();
    EXPECT_LT(RelativeError(AllLogits(model, ids_), expected), 1e-5) << IsaName(isa);
  }
  SelectIsa(active);
}

// Rounding activations to 16 bits of the integer grid is far finer than rounding them to bfloat16; outputs, keys and
// values are rounded to the dtype, though, and that is what these bounds are for (unit roundoff 2^-9 and 2^-12, a dozen
// roundings for each of up to seven blocks).
TEST_P(GoldenModel, SixteenBitActivationsStayClose) {
  if (HasExperts()) GTEST_SKIP() << "a rounding may send a token to another expert";
  Model exact = Load();
  const std::vector<float> expected = AllLogits(exact, ids_);
  Model bf16 = Load(DType::kBF16);
  EXPECT_LT(RelativeError(AllLogits(bf16, ids_), expected), 0.03);
  Model f16 = Load(DType::kF16);
  EXPECT_LT(RelativeError(AllLogits(f16, ids_), expected), 0.008);
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const std::string& name : GoldenNames()) {
    cases.push_back({name, WeightPolicy::kOriginal});
    cases.push_back({name, WeightPolicy::kW8A16});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenModel, ::testing::ValuesIn(Cases()), [](const auto& param_info) {
  std::string name = param_info.param.name;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
  return name + (param_info.param.weights == WeightPolicy::kW8A16 ? "_w8a16" : "_float");
});

}  // namespace
}  // namespace w8a16
