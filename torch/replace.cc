#include <torch/nn/modules/container/moduledict.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/types.h>

#include <map>
#include <set>
#include <typeinfo>
#include <utility>

#include "base/strings.h"
#include "exclusion.h"
#include "w8a16/torch.h"

namespace w8a16::internal {
namespace {

using torch::nn::Module;

// A place in the module tree that holds a linear layer.
struct Slot {
  Module* parent;
  std::string child;
  std::string full_name;
};

// One layer, in every place that it has.
struct Layer {
  std::shared_ptr<Module> module;
  std::vector<Slot> slots;
};

// Shared pointers to `module` that the tree itself holds for one slot: the registered child, and its double in
// containers.
int64_t ReferencesOf(const Slot& slot) {
  const bool container = dynamic_cast<torch::nn::SequentialImpl*>(slot.parent) != nullptr ||
                         dynamic_cast<torch::nn::ModuleListImpl*>(slot.parent) != nullptr ||
                         dynamic_cast<torch::nn::ModuleDictImpl*>(slot.parent) != nullptr;
  return container ? 2 : 1;
}

void PutInto(const Slot& slot, const torch::nn::AnyModule& any) {
  const std::shared_ptr<Module> module = any.ptr();
  const std::shared_ptr<Module> old = slot.parent->named_children()[slot.child];
  if (auto* sequential = dynamic_cast<torch::nn::SequentialImpl*>(slot.parent)) {
    for (torch::nn::AnyModule& entry : *sequential) {
      if (entry.ptr() == old) entry = any;
    }
  } else if (auto* list = dynamic_cast<torch::nn::ModuleListImpl*>(slot.parent)) {
    for (std::shared_ptr<Module>& entry : *list) {
      if (entry == old) entry = module;
    }
  } else if (auto* dict = dynamic_cast<torch::nn::ModuleDictImpl*>(slot.parent)) {
    for (auto& entry : *dict) {
      if (entry.value() == old) entry.value() = module;
    }
  }
  slot.parent->replace_module(slot.child, module);
}

int64_t Bytes(const Module& root) {
  std::set<const void*> seen;
  int64_t bytes = 0;
  const auto add = [&](const torch::Tensor& tensor) {
    if (tensor.defined() && seen.insert(tensor.unsafeGetTensorImpl()).second) {
      bytes += tensor.numel() * static_cast<int64_t>(tensor.element_size());
    }
  };
  for (const auto& parameter : root.parameters()) add(parameter);
  for (const auto& buffer : root.buffers()) add(buffer);
  return bytes;
}

// Finds the layers below a module, each once, and what stays as it is.
class Plan {
 public:
  Plan(Module& root, const std::vector<std::string>& names_to_exclude, ReplacementSummary& summary)
      : exclusion_(names_to_exclude), summary_(summary) {
    if (IsLinear(root)) {
      throw Error(
          "the module itself is a linear layer and cannot be replaced in place; make a W8A16LinearLayer and call its "
          "quantize(weight)");
    }
    Visit(root, "");
    summary_.warnings = exclusion_.Warnings(module_names_);
    LeaveExcluded();
    RequireSoleOwner();
  }

  std::vector<Layer> TakeLayers() { return std::move(layers_); }

 private:
  static bool IsLinear(const Module& module) {
    const auto* any = dynamic_cast<const AnyLinearImpl*>(&module);
    return typeid(module) == typeid(torch::nn::LinearImpl) || (any != nullptr && !any->quantized());
  }

  void Visit(Module& parent, const std::string& prefix) {
    if (!visited_.insert(&parent).second) return;
    for (const auto& item : parent.named_children()) {
      const std::string full_name = prefix.empty() ? item.key() : prefix + "." + item.key();
      module_names_.push_back(full_name);
      Module& child = *item.value();
      if (!IsLinear(child)) {
        if (dynamic_cast<torch::nn::LinearImpl*>(&child) != nullptr) {
          summary_.left_alone.push_back({full_name, "a class derived from torch::nn::Linear"});
        }
        Visit(child, full_name);
      } else if (const std::string* name = exclusion_.Match(full_name)) {
        summary_.left_alone.push_back({full_name, StrCat("excluded by \"", *name, "\"")});
        excluded_.insert(&child);
      } else {
        Add(item.value(), {&parent, item.key(), full_name});
      }
    }
  }

  void Add(const std::shared_ptr<Module>& module, Slot slot) {
    const auto [position, is_new] = index_.try_emplace(module.get(), layers_.size());
    if (is_new) layers_.push_back({module, {}});
    layers_[position->second].slots.push_back(std::move(slot));
  }

  // A layer with several places stays where one of them is excluded.
  void LeaveExcluded() {
    std::erase_if(layers_, [this](const Layer& layer) {
      if (excluded_.count(layer.module.get()) == 0) return false;
      for (const Slot& slot : layer.slots) {
        summary_.left_alone.push_back({slot.full_name, "the same module is excluded by another of its names"});
      }
      return true;
    });
  }

  void RequireSoleOwner() {
    std::vector<std::string> held;
    for (const Layer& layer : layers_) {
      int64_t expected = 1;  // layer.module
      for (const Slot& slot : layer.slots) expected += ReferencesOf(slot);
      const bool in_place = dynamic_cast<AnyLinearImpl*>(layer.module.get()) != nullptr;
      if (!in_place && layer.module.use_count() > expected) held.push_back(layer.slots.front().full_name);
    }
    if (held.empty()) return;
    throw Error(StrCat(
        "cannot replace ", Join(held, ", "),
        ": held not only by the module tree, but also by a member or variable of type torch::nn::Linear, which would "
        "go "
        "on calling the float layer. Declare that member as w8a16::AnyLinear (it registers and computes the same), let "
        "the variable go, or exclude the layer by name. Nothing was replaced"));
  }

  Exclusion exclusion_;
  ReplacementSummary& summary_;
  std::set<const Module*> visited_;
  std::set<const Module*> excluded_;
  std::map<const Module*, size_t> index_;
  std::vector<Layer> layers_;
  std::vector<std::string> module_names_;
};

struct Source {
  W8A16LinearLayerOptions options;
  torch::Tensor weight;
  torch::Tensor bias;
};

Source SourceOf(const Module& module) {
  const auto* any = dynamic_cast<const AnyLinearImpl*>(&module);
  const auto* linear = dynamic_cast<const torch::nn::LinearImpl*>(&module);
  const torch::Tensor& weight = any != nullptr ? any->weight : linear->weight;
  const torch::Tensor& bias = any != nullptr ? any->bias : linear->bias;
  return {W8A16LinearLayerOptions(weight.size(1), weight.size(0)).bias(bias.defined()).dtype(weight.scalar_type()),
          weight, bias};
}

// Bad weights are found before anything is replaced, so that a model is never left half done.
void RequireQuantizable(const std::vector<Layer>& layers) {
  const torch::NoGradGuard no_grad;
  for (const Layer& layer : layers) {
    const torch::Tensor weight = SourceOf(*layer.module).weight;
    const std::string& name = layer.slots.front().full_name;
    const auto type = weight.scalar_type();
    if (type != torch::kFloat && type != torch::kHalf && type != torch::kBFloat16) {
      throw Error(StrCat("cannot quantize ", name, ": its weight is ", type,
                         "; it must be float32, bfloat16 or float16: convert the model with to(), or exclude the "
                         "layer. Nothing was replaced"));
    }
    if (weight.numel() == 0 || weight.is_meta()) continue;
    const auto [low, high] = torch::aminmax(weight);
    if (!torch::isfinite(low).item<bool>() || !torch::isfinite(high).item<bool>()) {
      throw Error(StrCat("cannot quantize ", name,
                         ": its weight has NaN or infinite elements; exclude the layer or repair the model. Nothing "
                         "was replaced"));
    }
  }
}

}  // namespace

ReplacementSummary ReplaceLinear(Module& root, const std::vector<std::string>& names_to_exclude, bool fits_any_linear,
                                 bool quantizes, const MakeTarget& make) {
  ReplacementSummary summary;
  std::vector<Layer> layers = Plan(root, names_to_exclude, summary).TakeLayers();
  if (quantizes) RequireQuantizable(layers);
  summary.bytes_before = Bytes(root);
  for (Layer& layer : layers) {
    auto* any_linear = dynamic_cast<AnyLinearImpl*>(layer.module.get());
    if (any_linear != nullptr && !fits_any_linear) {
      summary.left_alone.push_back(
          {layer.slots.front().full_name, "an AnyLinear, which becomes W8A16LinearLayer only"});
      continue;
    }
    const bool training = layer.module->is_training();
    torch::nn::AnyModule target;
    {
      const Source source = SourceOf(*layer.module);
      target = make(source.options, source.weight, source.bias);
    }
    target.ptr()->train(training);
    for (const Slot& slot : layer.slots) {
      summary.replaced.push_back(slot.full_name);
      if (any_linear == nullptr) PutInto(slot, target);
    }
    if (any_linear != nullptr) any_linear->become(dynamic_cast<W8A16LinearLayerImpl&>(*target.ptr()));
    layer.module.reset();
  }
  summary.bytes_after = Bytes(root);
  return summary;
}

}  // namespace w8a16::internal

namespace w8a16 {

std::ostream& operator<<(std::ostream& stream, const ReplacementSummary& summary) {
  stream << "replaced " << summary.replaced.size() << " linear layers: " << summary.bytes_before << " -> "
         << summary.bytes_after << " bytes\n";
  for (const auto& [name, reason] : summary.left_alone) stream << "  left alone: " << name << " (" << reason << ")\n";
  for (const std::string& warning : summary.warnings) stream << "  warning: " << warning << "\n";
  return stream;
}

}  // namespace w8a16
