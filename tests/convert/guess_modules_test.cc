#include <map>

#include "convert/convert.h"
#include "convert/modules.h"
#include "convert/tiny_llama.h"
#include "convert/verify.h"

namespace w8a16 {
namespace {

using testing::Contents;
using ::testing::ElementsAre;
using testing::ExpectError;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TempDir;
using testing::TestTensor;
using testing::TinyLlama;

class GuessModulesTest : public ::testing::Test {
 protected:
  // A checkpoint of these tensors alone.
  GuessModulesTest() {
    model_.tensors().clear();
    model_.config() = {{"model_type", "newest"}};
  }
  void Add(const std::string& module, const std::vector<int64_t>& shape) { model_.Add(module, shape); }
  void AddTensor(const std::string& name, const std::vector<int64_t>& shape) {
    model_.Add(name, shape);
    model_.tensors().back().name = name;
  }
  // Module -> why it stays float; "" for linear layers, "head" for heads that may be quantized.
  std::map<std::string, std::string> Guess() {
    model_.Write(dir_ / "source");
    found_ = FindModules(Checkpoint::Open(dir_ / "source"));
    std::map<std::string, std::string> reasons;
    for (const WeightModule& module : found_.modules) {
      reasons[module.name] = module.stays_float.empty() && module.head ? "head" : module.stays_float;
    }
    return reasons;
  }

  TempDir dir_;
  TinyLlama model_;
  ModelModules found_;
};

TEST_F(GuessModulesTest, TakesMatricesForLinearLayers) {
  Add("net.blocks.0.attn.qkv", {9, 6});
  AddTensor("net.blocks.0.attn.qkv.bias", {9});
  Add("net.blocks.0.mlp.fc1", {8, 6});
  Add("net.blocks.0.norm1", {6});
  AddTensor("net.pos", {4, 6});
  Add("net.conv", {3, 2, 2});
  const auto reasons = Guess();
  EXPECT_EQ(reasons, (std::map<std::string, std::string>{{"net.blocks.0.attn.qkv", ""}, {"net.blocks.0.mlp.fc1", ""}}));
  ASSERT_EQ(found_.notes.size(), 1U);
  EXPECT_THAT(found_.notes[0], HasSubstr("model_type \"newest\" is unknown"));
}

TEST_F(GuessModulesTest, LeavesEmbeddingsNormsAndHeads) {
  model_.config()["vocab_size"] = 11;
  for (const char* name : {"model.embed_tokens", "wte", "transformer.wpe", "shared", "embeddings.word", "a.norm",
                           "ln_f", "encoder.block.0.layer.0.SelfAttention.relative_attention_bias"}) {
    Add(name, {7, 6});
  }
  for (const char* name : {"lm_head", "score", "model.head"}) Add(name, {5, 6});
  Add("predictions.decoder", {11, 6});
  Add("layers.0.output", {6, 6});
  const auto reasons = Guess();
  for (const char* name : {"model.embed_tokens", "wte", "transformer.wpe", "shared", "embeddings.word",
                           "encoder.block.0.layer.0.SelfAttention.relative_attention_bias"}) {
    EXPECT_EQ(reasons.at(name), "embedding") << name;
  }
  EXPECT_EQ(reasons.at("a.norm"), "norm");
  EXPECT_EQ(reasons.at("ln_f"), "norm");
  for (const char* name : {"lm_head", "score", "model.head", "predictions.decoder"}) {
    EXPECT_EQ(reasons.at(name), "head") << name;
  }
  EXPECT_EQ(reasons.at("layers.0.output"), "");
}

TEST_F(GuessModulesTest, LeavesTiedHeads) {
  model_.config()["tie_word_embeddings"] = true;
  Add("lm_head", {5, 6});
  EXPECT_EQ(Guess().at("lm_head"), "output head, tied to the embedding");
}

TEST_F(GuessModulesTest, KnowsRoutersByNameAndByTheirExperts) {
  for (const char* name : {"layers.0.mlp.gate", "layers.0.ff.router.classifier", "layers.1.moe.chooser"})
    Add(name, {3, 6});
  for (const char* expert : {"0", "1", "2"}) Add(std::string("layers.1.moe.experts.") + expert + ".w1", {5, 6});
  Add("layers.1.moe.shared", {3, 6});  // as many rows as experts: left alone, too
  Add("layers.1.moe.up", {5, 6});
  Add("layers.0.mlp.gate_proj", {5, 6});
  const auto reasons = Guess();
  EXPECT_EQ(reasons.at("layers.0.mlp.gate"), "router of experts");
  EXPECT_EQ(reasons.at("layers.0.ff.router.classifier"), "router of experts");
  EXPECT_EQ(reasons.at("layers.1.moe.chooser"), "router of experts");
  EXPECT_EQ(reasons.at("layers.1.moe.experts.2.w1"), "");
  EXPECT_EQ(reasons.at("layers.1.moe.up"), "");
  EXPECT_EQ(reasons.at("layers.0.mlp.gate_proj"), "");
}

TEST_F(GuessModulesTest, LeavesFusedExpertsAloneAndSaysSo) {
  AddTensor("layers.0.mlp.experts.gate_up_proj", {2, 6, 10});
  Add("layers.0.mlp.chooser", {2, 6});
  Add("layers.0.attn.q", {6, 6});
  const auto reasons = Guess();
  EXPECT_EQ(reasons.size(), 2U);
  EXPECT_EQ(reasons.at("layers.0.mlp.chooser"), "router of experts");
  ASSERT_EQ(found_.notes.size(), 2U);
  EXPECT_THAT(found_.notes[1],
              ::testing::AllOf(HasSubstr("\"layers.0.mlp.experts.gate_up_proj\" [2, 6, 10]"), HasSubstr("stays F32")));
}

TEST_F(GuessModulesTest, LeavesWhatMayLieTransposed) {
  Add("h.0.attn.c_attn", {6, 18});
  AddTensor("h.0.attn.c_attn.bias", {18});
  Add("h.0.attn.c_proj", {6, 6});
  AddTensor("h.0.attn.c_proj.bias", {6});
  Add("h.0.other", {5, 6});
  AddTensor("h.0.other.bias", {5});
  const auto reasons = Guess();
  EXPECT_THAT(reasons.at("h.0.attn.c_attn"), HasSubstr("may lie [in, out]"));
  EXPECT_THAT(reasons.at("h.0.attn.c_proj"), HasSubstr("square"));
  EXPECT_EQ(reasons.at("h.0.other"), "");
}

TEST_F(GuessModulesTest, ConvertsAndListsAllThatStays) {
  model_.config().erase("model_type");
  Add("embed", {7, 6});
  Add("layers.0.up", {5, 6});
  Add("layers.0.mlp.gate", {3, 6});
  Add("lm_head", {7, 6});
  model_.Write(dir_ / "source");
  const ConvertReport report = QuantizeCheckpoint(dir_ / "source", dir_ / "made", {});
  ASSERT_EQ(report.layers.size(), 1U);
  EXPECT_EQ(report.layers[0].name, "layers.0.up");
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("config.json has no model_type")));
  const Checkpoint made = Checkpoint::Open(dir_ / "made");
  EXPECT_TRUE(made.FindQuantized("layers.0.up"));
  EXPECT_THAT(made.quantization()->ignore, ElementsAre("embed", "layers.0.mlp.gate", "lm_head"));
}

TEST_F(GuessModulesTest, RefusesACheckpointWithNothingToQuantize) {
  Add("embed", {7, 6});
  model_.Write(dir_ / "source");
  ExpectError([this] { QuantizeCheckpoint(dir_ / "source", dir_ / "made", {}); }, {"source", "no linear layer"});
  EXPECT_THAT(testing::Listing(dir_.path()), ElementsAre("source"));
}

}  // namespace
}  // namespace w8a16
