#include "convert/selection.h"

#include "arch/architecture.h"
#include "convert/tiny_llama.h"

namespace w8a16 {
namespace {

using ::testing::ElementsAre;
using testing::ExpectError;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TempDir;
using testing::TinyLlama;

std::vector<std::string> Layers(const Selection& selection) {
  std::vector<std::string> names;
  for (const WeightModule& layer : selection.layers) names.push_back(layer.name);
  return names;
}

// "name: reason".
std::vector<std::string> Ignored(const Selection& selection) {
  std::vector<std::string> lines;
  for (const IgnoredModule& module : selection.ignored) lines.push_back(module.name + ": " + module.reason);
  return lines;
}

Selection Select(const ConvertOptions& options, bool tied = false) {
  const TempDir dir;
  TinyLlama(DType::kF32, tied).Write(dir.path());
  return SelectModules(FindModules(Checkpoint::Open(dir.path())), options);
}

TEST(Selection, QuantizesLinearLayersAndLeavesTheHead) {
  const Selection selection = Select({});
  EXPECT_THAT(Layers(selection), ElementsAre("model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.k_proj",
                                             "model.layers.0.self_attn.v_proj", "model.layers.0.self_attn.o_proj",
                                             "model.layers.0.mlp.gate_proj", "model.layers.0.mlp.up_proj",
                                             "model.layers.0.mlp.down_proj"));
  EXPECT_THAT(Ignored(selection), ElementsAre("lm_head: output head (--no-default-ignore quantizes it)"));
  EXPECT_THAT(selection.unmatched, IsEmpty());
}

TEST(Selection, QuantizesTheHeadOnRequest) {
  ConvertOptions options;
  options.default_ignore = false;
  const Selection selection = Select(options);
  EXPECT_EQ(selection.layers.size(), 8U);
  EXPECT_EQ(selection.layers.back().name, "lm_head");
  EXPECT_THAT(selection.ignored, IsEmpty());
}

TEST(Selection, NeverQuantizesATiedHead) {
  ConvertOptions options;
  options.default_ignore = false;
  options.only = {"lm_head", "q_proj"};
  const Selection selection = Select(options, true);
  EXPECT_THAT(Layers(selection), ElementsAre("model.layers.0.self_attn.q_proj"));
  EXPECT_EQ(Ignored(selection).back(), "lm_head: output head, tied to the embedding");
  EXPECT_THAT(selection.unmatched, IsEmpty());
}

TEST(Selection, AddsPatternsToTheDefault) {
  ConvertOptions options;
  options.ignore = {"q_proj", "re:.*gate", "model.layers.0.mlp.down_proj", "model.layers.9.mlp.down_proj"};
  const Selection selection = Select(options);
  EXPECT_THAT(Ignored(selection), ElementsAre("model.layers.0.self_attn.q_proj: --ignore q_proj",
                                              "model.layers.0.mlp.gate_proj: --ignore re:.*gate",
                                              "model.layers.0.mlp.down_proj: --ignore model.layers.0.mlp.down_proj",
                                              "lm_head: output head (--no-default-ignore quantizes it)"));
  EXPECT_EQ(selection.layers.size(), 4U);
  ASSERT_EQ(selection.unmatched.size(), 1U);
  EXPECT_EQ(selection.unmatched[0].option, "--ignore");
  EXPECT_EQ(selection.unmatched[0].pattern, "model.layers.9.mlp.down_proj");
  EXPECT_THAT(selection.unmatched[0].hint, HasSubstr("the nearest names are model.layers.0.mlp.down_proj"));
}

TEST(Selection, QuantizesOnlyWhatIsAskedFor) {
  ConvertOptions options;
  options.only = {"re:model\\.layers\\.0\\.mlp\\.", "v_proj"};
  options.ignore = {"up_proj"};
  const Selection selection = Select(options);
  EXPECT_THAT(Layers(selection), ElementsAre("model.layers.0.self_attn.v_proj", "model.layers.0.mlp.gate_proj",
                                             "model.layers.0.mlp.down_proj"));
  EXPECT_THAT(Ignored(selection), ::testing::Contains("model.layers.0.self_attn.q_proj: not selected by --only"));
  EXPECT_THAT(Ignored(selection), ::testing::Contains("model.layers.0.mlp.up_proj: --ignore up_proj"));
  EXPECT_THAT(selection.unmatched, IsEmpty());
}

TEST(Selection, HintsAtWhatWasMeant) {
  ConvertOptions options;
  options.ignore = {"down_prj", "re:mlp", "re:nothing", "zzzzzzzzzz"};
  const Selection selection = Select(options);
  ASSERT_EQ(selection.unmatched.size(), 4U);
  EXPECT_THAT(selection.unmatched[0].hint, ::testing::StartsWith("the nearest names are down_proj"));
  EXPECT_EQ(selection.unmatched[1].hint,
            "an expression matches a full name from its start; \"re:.*mlp\" would select model.layers.0.mlp.gate_proj");
  EXPECT_EQ(selection.unmatched[2].hint, "");
  EXPECT_EQ(selection.unmatched[3].hint, "");
}

TEST(Selection, RefusesMalformedPatterns) {
  ConvertOptions options;
  options.ignore = {"re:["};
  ExpectError([&] { Select(options); }, {"\"re:[\""});
  options.ignore.clear();
  options.only = {"re:("};
  ExpectError([&] { Select(options); }, {"\"re:(\""});
}

}  // namespace
}  // namespace w8a16
