#include "testing/files.h"
#include "w8a16/checkpoint.h"

namespace w8a16 {
namespace {

using testing::ExpectError;

TEST(MatchesModule, TakesFullNames) {
  EXPECT_TRUE(MatchesModule("model.layers.0.mlp.gate", "model.layers.0.mlp.gate"));
  EXPECT_FALSE(MatchesModule("model.layers.0.mlp.gate", "model.layers.0.mlp.gate_proj"));
  EXPECT_FALSE(MatchesModule("model.layers.0.mlp", "model.layers.0.mlp.gate"));
}

TEST(MatchesModule, TakesLastComponents) {
  EXPECT_TRUE(MatchesModule("lm_head", "lm_head"));
  EXPECT_TRUE(MatchesModule("gate", "model.layers.0.mlp.gate"));
  EXPECT_FALSE(MatchesModule("gate", "model.layers.0.mlp.gate_proj"));
  EXPECT_FALSE(MatchesModule("gate", "model.layers.0.mlp.my_gate"));
  EXPECT_FALSE(MatchesModule("mlp.gate", "model.layers.0.mlp.gate"));
  EXPECT_FALSE(MatchesModule("mlp", "model.layers.0.mlp.gate"));
}

TEST(MatchesModule, AnEmptyPatternMatchesNothing) {
  EXPECT_FALSE(MatchesModule("", ""));
  EXPECT_FALSE(MatchesModule("", "a."));
}

TEST(MatchesModule, MatchesExpressionsFromTheStartOnly) {
  EXPECT_TRUE(MatchesModule("re:.*gate$", "model.layers.0.mlp.gate"));
  EXPECT_FALSE(MatchesModule("re:.*gate$", "model.layers.0.mlp.gate_proj"));
  EXPECT_TRUE(MatchesModule("re:.*gate", "model.layers.0.mlp.gate_proj"));
  EXPECT_FALSE(MatchesModule("re:layers", "model.layers.0"));
  EXPECT_TRUE(MatchesModule("re:model", "model.layers.0"));
  EXPECT_TRUE(MatchesModule(R"(re:model\.layers\.(0|11)\.)", "model.layers.11.mlp"));
  EXPECT_FALSE(MatchesModule(R"(re:model\.layers\.(0|11)\.)", "model.layers.1.mlp"));
  EXPECT_TRUE(MatchesModule("re:(?!lm_head).*", "model"));
}

TEST(MatchesModule, RefusesMalformedExpressions) {
  ExpectError([] { MatchesModule("re:(", "x"); }, {"\"re:(\"", "not a regular expression"});
  ExpectError([] { MatchesModule("re:*a[", "x"); }, {"not a regular expression"});
}

TEST(MatchesModule, SurvivesHostileInput) {
  // An exponential or recursive matcher would hang or overflow the stack.
  EXPECT_FALSE(MatchesModule("re:(a+)+$", std::string(40, 'a') + "b"));
  EXPECT_TRUE(MatchesModule("re:(.|x)*", std::string(100'000, 'x')));
  ExpectError([] { MatchesModule("re:" + std::string(100'000, '('), "x"); }, {"longer than 1000 bytes"});
  ExpectError([] { MatchesModule("re:((a{1000}){1000}){1000}", "x"); }, {"not a regular expression"});
}

}  // namespace
}  // namespace w8a16
