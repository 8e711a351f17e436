// TorchScript models: linear layers inside them become modules that call w8a16::linear. A script module's type fixes
// the types of its attributes, and one type may serve several modules (all blocks of a model) of which only some
// change; so every module above a replaced layer gets a type of its own, with copies of its methods retyped to match.
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/ir.h>

#include <map>
#include <set>
#include <utility>

#include "base/strings.h"
#include "exclusion.h"
#include "w8a16/torch.h"

namespace w8a16 {
namespace {

using torch::jit::Block;
using torch::jit::Graph;
using torch::jit::Module;
using torch::jit::Node;
using torch::jit::Value;

// The Python class that a script module was made from, without TorchScript's prefixes and mangling.
std::string ClassName(const Module& module) {
  std::string name;
  for (const std::string& atom : module.type()->name()->atoms()) {
    if (atom == "__torch__" || atom.starts_with("___torch_mangle")) continue;
    name += name.empty() ? atom : "." + atom;
  }
  return name;
}

bool IsLinear(const Module& module) { return ClassName(module) == "torch.nn.modules.linear.Linear"; }
bool IsConv1D(const Module& module) {
  const std::string name = ClassName(module);
  return name == "Conv1D" || name.ends_with(".Conv1D");
}

torch::Tensor TensorAttribute(const Module& module, const std::string& name) {
  if (!module.hasattr(name)) return {};
  const c10::IValue value = module.attr(name);
  return value.isTensor() ? value.toTensor() : torch::Tensor();
}

// The weight as [out, in]; undefined where the module has none that can be quantized.
torch::Tensor WeightOf(const Module& module) {
  const torch::Tensor weight = TensorAttribute(module, "weight");
  if (!weight.defined() || weight.dim() != 2) return {};
  return IsConv1D(module) ? weight.t() : weight;
}

template <class Visit>
void ForEachNode(Block* block, const Visit& visit) {
  for (Node* node : block->nodes()) {
    visit(node);
    for (Block* inner : node->blocks()) ForEachNode(inner, visit);
  }
}

// What a model's code does with its modules.
using Object = const c10::ivalue::Object*;

// The module that each value in a method of `self` stands for, as far as attribute reads tell.
std::map<const Value*, Module> ModulesIn(const Graph& graph, const Module& self) {
  std::map<const Value*, Module> modules{{graph.inputs().front(), self}};
  ForEachNode(const_cast<Graph&>(graph).block(), [&](Node* node) {
    if (node->kind() != c10::prim::GetAttr) return;
    const auto owner = modules.find(node->input());
    if (owner == modules.end()) return;
    const std::string& name = node->s(c10::attr::name);
    if (!owner->second.hasattr(name)) return;
    const c10::IValue value = owner->second.attr(name);
    if (value.isModule()) modules.emplace(node->output(), value.toModule());
  });
  return modules;
}

class Rewriter {
 public:
  Rewriter(const Module& root, const std::vector<std::string>& names_to_exclude, ReplacementSummary& summary)
      : exclusion_(names_to_exclude), summary_(summary) {
    if (IsLinear(root)) {
      throw Error("the script module itself is a linear layer; quantize the model that contains it");
    }
    FindUses(root);
    Visit(root, "");
    FindAbove(root);
    summary_.warnings = exclusion_.Warnings(module_names_);
    if (chosen_.empty()) ThrowNothingToReplace();
  }

  Module Rewrite(const Module& module) {
    const Object object = module._ivalue().get();
    if (const auto done = rewritten_.find(object); done != rewritten_.end()) return done->second;
    Module result = module;
    if (chosen_.count(object) != 0) {
      result = MakeW8A16(module);
    } else if (above_.count(object) != 0) {
      result = CopyWithNewChildren(module);
    }
    rewritten_.emplace(object, result);
    return result;
  }

 private:
  // Modules used otherwise than by calling forward (reading fc.weight, passing fc on): they keep their type.
  void FindUses(const Module& module) {
    if (!used_visited_.insert(module._ivalue().get()).second) return;
    for (const torch::jit::Method& method : module.get_methods()) {
      const auto graph = torch::jit::toGraphFunction(method.function()).graph();
      const auto modules = ModulesIn(*graph, module);
      for (const auto& [value, used] : modules) {
        if (value == graph->inputs().front()) continue;
        for (const auto& use : value->uses()) {
          const Node* user = use.user;
          const bool reads_child = user->kind() == c10::prim::GetAttr && modules.count(user->output()) != 0;
          const bool calls = user->kind() == c10::prim::CallMethod && use.offset == 0 &&
                             user->s(c10::attr::name) == "forward" && user->inputs().size() == 2;
          if (!reads_child && !calls) used_otherwise_.insert(used._ivalue().get());
        }
      }
    }
    for (const auto& child : module.named_children()) FindUses(child.value);
  }

  void Visit(const Module& parent, const std::string& prefix) {
    for (const auto& child : parent.named_children()) {
      const std::string full_name = prefix.empty() ? child.name : prefix + "." + child.name;
      module_names_.push_back(full_name);
      const Object object = child.value._ivalue().get();
      if (!IsLinear(child.value) && !IsConv1D(child.value)) {
        Visit(child.value, full_name);
      } else if (const std::string* name = exclusion_.Match(full_name)) {
        summary_.left_alone.push_back({full_name, StrCat("excluded by \"", *name, "\"")});
      } else if (used_otherwise_.count(object) != 0) {
        summary_.left_alone.push_back({full_name, "the model's code uses it otherwise than by calling it"});
      } else if (const torch::Tensor weight = WeightOf(child.value); !weight.defined()) {
        summary_.left_alone.push_back({full_name, "it has no weight of two dimensions"});
      } else {
        RequireQuantizable(full_name, weight);
        chosen_.insert(object);
        summary_.replaced.push_back(full_name);
      }
    }
  }

  [[noreturn]] void ThrowNothingToReplace() const {
    if (summary_.left_alone.empty()) {
      throw Error(
          "this TorchScript model has no linear layers to replace (a frozen or inlined model no longer has modules): "
          "quantize the model before torch.jit.freeze");
    }
    std::string message = "none of this TorchScript model's linear layers can be replaced:";
    for (const auto& [name, reason] : summary_.left_alone) message += StrCat("\n  ", name, ": ", reason);
    throw Error(message);
  }

  static void RequireQuantizable(const std::string& full_name, const torch::Tensor& weight) {
    const auto type = weight.scalar_type();
    if (type != torch::kFloat && type != torch::kHalf && type != torch::kBFloat16) {
      throw Error(StrCat("cannot quantize ", full_name, ": its weight is ", type,
                         "; it must be float32, bfloat16 or float16: convert the model, or exclude the layer"));
    }
    if (weight.numel() == 0) return;
    const auto [low, high] = torch::aminmax(weight.detach());
    if (torch::isfinite(low).item<bool>() && torch::isfinite(high).item<bool>()) return;
    throw Error(StrCat("cannot quantize ", full_name, ": its weight has NaN or infinite elements; exclude the layer"));
  }

  // Modules with a chosen one below them. Found before anything changes, like all that could be wrong with them.
  bool FindAbove(const Module& module) {
    bool above = false;
    for (const auto& child : module.named_children()) {
      const bool chosen = chosen_.count(child.value._ivalue().get()) != 0;
      above = FindAbove(child.value) || chosen || above;
    }
    if (!above) return false;
    const auto type = module.type();
    if (!type->getForwardHooks().empty() || !type->getForwardPreHooks().empty()) {
      throw Error(StrCat("the script module ", type->name()->qualifiedName(),
                         " has forward hooks, which cannot be carried over: export it without hooks"));
    }
    above_.insert(module._ivalue().get());
    return true;
  }

  static Module MakeW8A16(const Module& linear) {
    const torch::NoGradGuard no_grad;
    const auto unit = linear._ivalue()->compilation_unit();
    Module layer("__torch__.w8a16.layer.W8A16LinearLayer", unit, /*shouldMangle=*/true);
    auto [int8_weights, scales] = quantize(WeightOf(linear).detach());
    const torch::Tensor bias = TensorAttribute(linear, "bias");
    layer.register_attribute("training", c10::BoolType::get(), linear.is_training());
    layer.register_buffer("int8_weights", int8_weights);
    layer.register_buffer("scales", scales);
    if (bias.defined()) layer.register_buffer("bias", bias.detach());

    auto graph = std::make_shared<Graph>();
    Value* self = graph->addInput("self")->setType(layer.type());
    Value* x = graph->addInput("input")->setType(c10::TensorType::get());
    Value* weights_value = graph->insertGetAttr(self, "int8_weights");
    Value* scales_value = graph->insertGetAttr(self, "scales");
    Value* bias_value = bias.defined() ? graph->insertGetAttr(self, "bias") : graph->insertConstant(c10::IValue());
    graph->registerOutput(
        graph->insert(c10::Symbol::fromQualString("w8a16::linear"), {x, weights_value, scales_value, bias_value}));
    layer.type()->addMethod(unit->create_function(c10::QualifiedName(*layer.type()->name(), "forward"), graph));
    return layer;
  }

  Module CopyWithNewChildren(const Module& module) {
    const auto type = module.type();
    const auto unit = module._ivalue()->compilation_unit();
    Module copy(*type->name(), unit, /*shouldMangle=*/true);
    for (size_t i = 0; i < type->numAttributes(); ++i) {
      const std::string& name = type->getAttributeName(i);
      const c10::IValue value = module._ivalue()->getSlot(i);
      if (type->getAttribute(i)->is_module() && value.isModule()) {
        copy.register_module(name, Rewrite(value.toModule()));
        // Lets go of the float layers one by one; nothing looks at the old tree again.
        module._ivalue()->setSlot(i, c10::IValue());
      } else {
        copy.type()->addOrCheckAttribute(name, type->getAttribute(i), type->is_parameter(i), type->is_buffer(i));
        copy._ivalue()->setAttr(name, value);
      }
    }
    for (size_t i = 0; i < type->numConstants(); ++i) {
      copy.type()->addConstant(type->getConstantName(i), type->getConstant(i));
    }
    for (torch::jit::Function* method : type->methods()) CopyMethod(*method, type, copy);
    return copy;
  }

  // Attribute reads along the way from self are given the types that the new modules have.
  static void CopyMethod(const torch::jit::Function& method, const c10::ClassTypePtr& old_type, const Module& copy) {
    const auto graph = torch::jit::toGraphFunction(method).graph()->copy();
    graph->inputs().front()->setType(copy.type());
    for (const auto& [value, module] : ModulesIn(*graph, copy)) const_cast<Value*>(value)->setType(module.type());
    auto* function = copy._ivalue()->compilation_unit()->create_function(
        c10::QualifiedName(*copy.type()->name(), method.name()), graph);
    copy.type()->addMethod(function);
    function->setSchema(method.getSchema().cloneWithRemappedTypes(
        [&](const c10::TypePtr& in) { return *in == *old_type ? c10::TypePtr(copy.type()) : in; }));
  }

  Exclusion exclusion_;
  ReplacementSummary& summary_;
  std::set<Object> used_visited_;
  std::set<Object> used_otherwise_;
  std::set<Object> chosen_;
  std::set<Object> above_;
  std::map<Object, Module> rewritten_;
  std::vector<std::string> module_names_;
};

int64_t Bytes(const Module& module) {
  std::set<const void*> seen;
  int64_t bytes = 0;
  const auto add = [&](const torch::Tensor& tensor) {
    if (seen.insert(tensor.unsafeGetTensorImpl()).second) {
      bytes += tensor.numel() * static_cast<int64_t>(tensor.element_size());
    }
  };
  for (const torch::Tensor& parameter : module.parameters()) add(parameter);
  for (const torch::Tensor& buffer : module.buffers()) add(buffer);
  return bytes;
}

}  // namespace

ReplacementSummary quantize_script_module(Module& module, const std::vector<std::string>& names_to_exclude) {
  ReplacementSummary summary;
  summary.bytes_before = Bytes(module);
  Rewriter rewriter(module, names_to_exclude, summary);
  module = rewriter.Rewrite(module);
  summary.bytes_after = Bytes(module);
  return summary;
}

}  // namespace w8a16
