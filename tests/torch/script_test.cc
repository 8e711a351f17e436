#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>
#include <torch/torch.h>

#include <sstream>
#include <string>

#include "w8a16/torch.h"

namespace w8a16 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using torch::Tensor;
using ScriptModule = torch::jit::Module;

ScriptModule ScriptLinear(const std::shared_ptr<torch::jit::CompilationUnit>& unit, int64_t in, int64_t out) {
  ScriptModule linear("__torch__.torch.nn.modules.linear.Linear", unit, /*shouldMangle=*/true);
  linear.register_parameter("weight", torch::randn({out, in}), false);
  linear.register_parameter("bias", torch::randn({out}), false);
  linear.register_attribute("training", c10::BoolType::get(), true);
  linear.define("def forward(self, input):\n  return torch.linear(input, self.weight, self.bias)\n");
  return linear;
}

struct Model {
  Model() {
    block.register_attribute("training", c10::BoolType::get(), true);
    block.register_module("fc", ScriptLinear(unit, 4, 4));
    block.register_module("read", ScriptLinear(unit, 4, 4));
    block.define(
        "def forward(self, x):\n"
        "  if x.size(0) > 1:\n"
        "    x = torch.relu(self.fc.forward(x))\n"
        "  return x + self.read.forward(x) + self.read.weight.sum()\n");
    root.register_attribute("training", c10::BoolType::get(), true);
    root.register_module("block", block);
    root.register_module("lm_head", ScriptLinear(unit, 4, 3));
    root.define(
        "def helper(self, x):\n  return self.block.forward(x)\n"
        "def forward(self, x):\n  return self.lm_head.forward(self.helper(x))\n");
  }
  std::shared_ptr<torch::jit::CompilationUnit> unit = std::make_shared<torch::jit::CompilationUnit>();
  ScriptModule block{"__torch__.Block", unit, true};
  ScriptModule root{"__torch__.Root", unit, true};
};

TEST(Script, ReplacesWhatIsOnlyCalled) {
  torch::manual_seed(1);
  Model model;
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

TEST(Script, ExcludesByName) {
  Model model;
  const ReplacementSummary summary = quantize_script_module(model.root, {"lm_head", "fd"});
  EXPECT_THAT(summary.replaced, ElementsAre("block.fc"));
  EXPECT_THAT(summary.warnings, ElementsAre(HasSubstr("\"fd\" matches no linear layer")));
}

TEST(Script, SharedBlocksStayShared) {
  Model model;
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
  Model model;
  EXPECT_THAT(message(ScriptLinear(model.unit, 2, 2)), HasSubstr("itself is a linear layer"));
  EXPECT_THAT(message(ScriptModule("__torch__.Empty", model.unit, true)), HasSubstr("no linear layers to replace"));
  model.root.attr("lm_head").toModule().attr("weight").toTensor()[1][1] = NAN;
  EXPECT_THAT(message(model.root), HasSubstr("cannot quantize lm_head"));
  model.root.to(torch::kDouble);
  EXPECT_THAT(message(model.root), HasSubstr("its weight is Double"));
  EXPECT_EQ(model.root.forward({torch::randn({1, 4}, torch::kDouble)}).toTensor().scalar_type(), torch::kDouble);
}

}  // namespace
}  // namespace w8a16
