#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>
#include <torch/torch.h>

#include <sstream>
#include <string>

#include "script_models.h"
#include "w8a16/torch.h"

namespace w8a16 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using torch::Tensor;
TEST(Script, ReplacesWhatIsOnlyCalled) {
  torch::manual_seed(1);
  ScriptModel model;
  const Tensor x = torch::randn({2, 4});
  const Tensor before = model.root.forward({x}).toTensor();
  const ReplacementSummary summary = quantize_script_module(model.root);
  EXPECT_THAT(summary.replaced, ElementsAre("block.fc", "lm_head"));
  ASSERT_EQ(summary.left_alone.size(), 1U);
  EXPECT_EQ(summary.left_alone[0].name, "block.read");
  const Tensor after = model.root.forward({x}).toTensor();
  EXPECT_FALSE(torch::equal(after, before));
  EXPECT_LT(((after - before).norm() / before.norm()).item<double>(), 0.05);

  std::stringstream file;
  model.root.save(file);
  ScriptModule loaded = torch::jit::load(file);
  EXPECT_TRUE(torch::equal(loaded.forward({x}).toTensor(), after));
  loaded.eval();
  EXPECT_EQ(loaded.attr("lm_head").toModule().attr("int8_weights").toTensor().scalar_type(), torch::kChar);
}

TEST(Script, ModelsOfEveryFloatDtype) {
  for (const auto dtype : {torch::kHalf, torch::kBFloat16}) {
    ScriptModel model;
    model.root.to(dtype);
    const Tensor x = torch::randn({2, 4}).to(dtype);
    const Tensor before = model.root.forward({x}).toTensor();
    EXPECT_THAT(quantize_script_module(model.root).replaced, ElementsAre("block.fc", "lm_head"));
    const Tensor after = model.root.forward({x}).toTensor();
    EXPECT_EQ(after.scalar_type(), dtype);
    EXPECT_LT(((after - before).norm() / before.norm()).item<double>(), 0.05);
  }
}

TEST(Script, ExcludesByName) {
  ScriptModel model;
  const ReplacementSummary summary = quantize_script_module(model.root, {"lm_head", "fd"});
  EXPECT_THAT(summary.replaced, ElementsAre("block.fc"));
  EXPECT_THAT(summary.warnings, ElementsAre(HasSubstr("\"fd\" matches no linear layer")));
}

TEST(Script, SharedBlocksStayShared) {
  ScriptModel model;
  ScriptModule pair("__torch__.Pair", model.unit, true);
  ScriptModule wrapper("__torch__.Wrapper", model.unit, true);
  wrapper.register_module("block", model.block);
  wrapper.define("def forward(self, x):\n  return self.block.forward(x)\n");
  pair.register_module("first", model.block);
  pair.register_module("second", wrapper);
  pair.define("def forward(self, x):\n  return self.second.forward(self.first.forward(x))\n");
  const Tensor x = torch::randn({2, 4});
  const Tensor before = pair.forward({x}).toTensor();
  quantize_script_module(pair);
  const Tensor after = pair.forward({x}).toTensor();
  EXPECT_LT(((after - before).norm() / before.norm()).item<double>(), 0.1);
  EXPECT_EQ(pair.attr("first").toModule()._ivalue(), pair.attr("second").toModule().attr("block").toModule()._ivalue());
}

TEST(Script, ErrorsSayWhatToDo) {
  const auto message = [](ScriptModule module) -> std::string {
    try {
      quantize_script_module(module);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  ScriptModel model;
  EXPECT_THAT(message(ScriptLinear(model.unit, 2, 2)), HasSubstr("itself is a linear layer"));
  EXPECT_THAT(message(ScriptModule("__torch__.Empty", model.unit, true)), HasSubstr("no linear layers to replace"));
  ScriptModel other;
  EXPECT_THAT(
      [&] {
        quantize_script_module(other.root, {"fc", "lm_head"});
      },
      ::testing::ThrowsMessage<Error>(::testing::AllOf(HasSubstr("block.fc: excluded by \"fc\""),
                                                       HasSubstr("block.read: the model's code uses it otherwise"),
                                                       HasSubstr("lm_head: excluded"))));
  model.root.attr("lm_head").toModule().attr("weight").toTensor()[1][1] = NAN;
  EXPECT_THAT(message(model.root), HasSubstr("cannot quantize lm_head"));
  model.root.to(torch::kDouble);
  EXPECT_THAT(message(model.root), HasSubstr("its weight is Double"));
  EXPECT_EQ(model.root.forward({torch::randn({1, 4}, torch::kDouble)}).toTensor().scalar_type(), torch::kDouble);
}

}  // namespace
}  // namespace w8a16
