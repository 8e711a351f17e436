#include "convert/plan.h"

#include "convert/tiny_llama.h"

namespace w8a16 {
namespace {

using ::testing::ElementsAre;
using testing::ExpectError;
using ::testing::IsEmpty;
using testing::TinyLlama;

Architecture Describe(bool tied = false) {
  return DescribeArchitecture(TinyLlama(DType::kF32, tied).config().dump(), "config.json");
}

ConvertPlan Plan(const ConvertOptions& options, bool tied = false) { return PlanConversion(Describe(tied), options); }

TEST(PlanConversion, QuantizesLinearLayersAndLeavesTheHead) {
  const ConvertPlan plan = Plan({});
  EXPECT_THAT(plan.layers, ElementsAre("model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.k_proj",
                                       "model.layers.0.self_attn.v_proj", "model.layers.0.self_attn.o_proj",
                                       "model.layers.0.mlp.gate_proj", "model.layers.0.mlp.up_proj",
                                       "model.layers.0.mlp.down_proj"));
  EXPECT_THAT(plan.ignored, ElementsAre("lm_head"));
  EXPECT_THAT(plan.unmatched, IsEmpty());
  EXPECT_THAT(plan.dropped, IsEmpty());
  EXPECT_EQ(plan.quantized.size(), 7U);
  EXPECT_EQ(plan.quantized.at("model.layers.0.self_attn.v_proj.weight"), 2U);
}

TEST(PlanConversion, QuantizesTheHeadOnRequest) {
  ConvertOptions options;
  options.default_ignore = false;
  const ConvertPlan plan = Plan(options);
  EXPECT_EQ(plan.layers.size(), 8U);
  EXPECT_EQ(plan.layers.back(), "lm_head");
  EXPECT_THAT(plan.ignored, IsEmpty());
}

TEST(PlanConversion, NeverQuantizesATiedHead) {
  ConvertOptions options;
  options.default_ignore = false;
  const ConvertPlan plan = Plan(options, true);
  EXPECT_EQ(plan.layers.size(), 7U);
  EXPECT_THAT(plan.ignored, ElementsAre("lm_head"));
  EXPECT_THAT(plan.dropped, ElementsAre("lm_head.weight"));
}

TEST(PlanConversion, AddsPatternsToTheDefault) {
  ConvertOptions options;
  options.ignore = {"q_proj", "re:.*gate", "model.layers.0.mlp.down_proj", "model.layers.9.mlp.down_proj",
                    "embed_tokens"};
  const ConvertPlan plan = Plan(options);
  EXPECT_THAT(plan.ignored, ElementsAre("model.layers.0.self_attn.q_proj", "model.layers.0.mlp.gate_proj",
                                        "model.layers.0.mlp.down_proj", "lm_head"));
  EXPECT_EQ(plan.layers.size(), 4U);
  EXPECT_THAT(plan.unmatched, ElementsAre("model.layers.9.mlp.down_proj", "embed_tokens"));
}

TEST(PlanConversion, RefusesMalformedPatterns) {
  ConvertOptions options;
  options.ignore = {"re:["};
  ExpectError([&] { Plan(options); }, {"\"re:[\""});
}

}  // namespace
}  // namespace w8a16
