#pragma once

#include <torch/script.h>
#include <torch/torch.h>

#include <memory>

namespace w8a16 {

using ScriptModule = torch::jit::Module;

/// torch.nn.Linear as torch.jit.script exports it.
inline ScriptModule ScriptLinear(const std::shared_ptr<torch::jit::CompilationUnit>& unit, int64_t in, int64_t out) {
  ScriptModule linear("__torch__.torch.nn.modules.linear.Linear", unit, /*shouldMangle=*/true);
  linear.register_parameter("weight", torch::randn({out, in}), false);
  linear.register_parameter("bias", torch::randn({out}), false);
  linear.register_attribute("training", c10::BoolType::get(), true);
  linear.define("def forward(self, input):\n  return torch.linear(input, self.weight, self.bias)\n");
  return linear;
}

/// Linear layers "block.fc" and "lm_head", which are only called, and "block.read", whose weight is read, too.
struct ScriptModel {
  ScriptModel() {
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

}  // namespace w8a16
