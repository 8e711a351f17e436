#include "convert/plan.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/strings.h"
#include "checkpoint/quantization_config.h"
#include "convert/modules.h"
#include "convert/quantize_transform.h"
#include "convert/selection.h"

namespace w8a16 {
namespace {

std::string ConfigPath(const Checkpoint& checkpoint) { return (checkpoint.directory() / "config.json").string(); }

std::string ModuleOf(const std::string& tensor) { return tensor.substr(0, std::min(tensor.rfind('.'), tensor.size())); }

ConvertStep Step(StepKind kind, const TensorInfo& tensor) {
  ConvertStep step;
  step.kind = kind;
  step.module = ModuleOf(tensor.name);
  step.source = tensor;
  step.bytes_before = tensor.bytes;
  if (kind != StepKind::kDrop) step.made = {{tensor.name, tensor.dtype, tensor.shape}};
  return step;
}

Json CommonOptions(const OutputOptions& options) { return {{"max_shard_bytes", options.max_shard_bytes}}; }

const char* TorchName(DType dtype) {
  if (dtype == DType::kF32) return "float32";
  return dtype == DType::kF16 ? "float16" : "bfloat16";
}

std::string PlainConfig(const Checkpoint& checkpoint, std::optional<DType> dtype) {
  Json config = ParseJson(checkpoint.config_text(), ConfigPath(checkpoint));
  config.erase("quantization_config");
  if (dtype) {
    // transformers renamed the key; what is there is kept true.
    if (config.contains("dtype")) config["dtype"] = TorchName(*dtype);
    if (config.contains("torch_dtype") || !config.contains("dtype")) config["torch_dtype"] = TorchName(*dtype);
  }
  return JsonFileText(config);
}

// The step that makes the plain weight of a quantized layer; `first` is the first tensor of it that was met.
ConvertStep DequantizeStep(const Checkpoint& checkpoint, const std::string& module, const QuantizedTensors& layer,
                           const DequantizeOptions& options, bool transposed) {
  ConvertStep step;
  step.kind = StepKind::kDequantize;
  step.module = module;
  step.transposed = transposed;
  step.source = *checkpoint.Find(layer.parts.front());
  std::vector<int64_t> shape = {layer.out_features, layer.in_features};
  if (transposed) std::swap(shape[0], shape[1]);
  step.made = {{module + ".weight", options.dtype.value_or(layer.scales.dtype), shape}};
  return step;
}

}  // namespace

std::string_view StepKindName(StepKind kind) {
  switch (kind) {
    case StepKind::kCopy:
      return "keep";
    case StepKind::kCast:
      return "cast";
    case StepKind::kQuantize:
      return "quantize";
    case StepKind::kDequantize:
      return "dequantize";
    case StepKind::kDrop:
      return "drop";
  }
  return "";
}

ConvertPlan PlanQuantization(const Checkpoint& checkpoint, const ConvertOptions& options) {
  if (checkpoint.quantization()) {
    throw Error(StrCat(ConfigPath(checkpoint),
                       ": quantization_config: the checkpoint is quantized already; name the float one"));
  }
  const ModelModules modules = FindModules(checkpoint);
  Selection selection = SelectModules(modules, options);
  if (selection.layers.empty()) {
    std::string hints;
    for (const UnmatchedPattern& pattern : selection.unmatched) {
      hints += StrCat("; ", pattern.option, " ", pattern.pattern, " matches nothing",
                      pattern.hint.empty() ? "" : StrCat(": ", pattern.hint));
    }
    throw Error(StrCat(checkpoint.directory().string(), ": no linear layer is left to quantize", hints));
  }
  std::unordered_map<std::string, const WeightModule*> layers;
  for (const WeightModule& layer : selection.layers) layers.emplace(layer.name + ".weight", &layer);
  std::unordered_map<std::string, std::string> reasons;
  std::vector<std::string> ignored_names;
  for (const IgnoredModule& module : selection.ignored) {
    reasons.emplace(module.name + ".weight", module.reason);
    ignored_names.push_back(module.name);
  }
  const std::unordered_set<std::string> tied(modules.tied.begin(), modules.tied.end());

  ConvertPlan plan;
  for (const WeightModule& layer : selection.layers) plan.layers.push_back(layer.name);
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    const auto layer = layers.find(tensor.name);
    if (layer == layers.end()) {
      const bool drop = tied.contains(tensor.name);
      ConvertStep& step = plan.steps.emplace_back(Step(drop ? StepKind::kDrop : StepKind::kCopy, tensor));
      const auto reason = reasons.find(tensor.name);
      if (reason != reasons.end()) step.reason = reason->second;
      continue;
    }
    ConvertStep step = Step(StepKind::kQuantize, tensor);
    step.transposed = layer->second->transposed;
    const auto [out, in] =
        step.transposed ? std::pair(tensor.shape[1], tensor.shape[0]) : std::pair(tensor.shape[0], tensor.shape[1]);
    step.made = QuantizedDeclarations(step.module, out, in, tensor.dtype, options.format);
    plan.steps.push_back(std::move(step));
  }
  const Json config = ParseJson(checkpoint.config_text(), ConfigPath(checkpoint));
  plan.config = JsonFileText(WithQuantizationConfig(config, {options.format, std::move(ignored_names)}));
  plan.options = CommonOptions(options);
  plan.options.update({{"command", "quantize"},
                       {"format", QuantizedFormatName(options.format)},
                       {"ignore", options.ignore},
                       {"only", options.only},
                       {"default_ignore", options.default_ignore}});
  plan.ignored = std::move(selection.ignored);
  plan.unmatched = std::move(selection.unmatched);
  plan.notes = modules.notes;
  PlanShards(options.max_shard_bytes, plan);
  return plan;
}

ConvertPlan PlanDequantization(const Checkpoint& checkpoint, const DequantizeOptions& options) {
  if (!checkpoint.quantization()) {
    throw Error(StrCat(ConfigPath(checkpoint), ": no quantization_config: the checkpoint is not quantized"));
  }
  if (options.dtype && !IsComputeFloat(*options.dtype)) {
    throw Error(StrCat("weights cannot be made ", DTypeName(*options.dtype), "; use F32, F16 or BF16"));
  }
  std::unordered_set<std::string> transposed;
  const ModelModules modules = FindModules(checkpoint);
  for (const WeightModule& module : modules.modules) {
    if (module.transposed) transposed.insert(module.name);
  }
  ConvertPlan plan;
  std::unordered_map<std::string, size_t> layers;  // module -> its step
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    const std::string module = ModuleOf(tensor.name);
    auto layer = layers.find(module);
    if (layer == layers.end() && tensor.name != module + ".bias") {
      if (const auto quantized = checkpoint.FindQuantized(module)) {
        layer = layers.emplace(module, plan.steps.size()).first;
        plan.layers.push_back(module);
        plan.steps.push_back(DequantizeStep(checkpoint, module, *quantized, options, transposed.contains(module)));
      }
    }
    if (layer != layers.end() && tensor.name != module + ".bias") {
      plan.steps[layer->second].bytes_before += tensor.bytes;
      continue;
    }
    const bool cast = options.dtype && IsComputeFloat(tensor.dtype) && tensor.dtype != *options.dtype;
    ConvertStep& step = plan.steps.emplace_back(Step(cast ? StepKind::kCast : StepKind::kCopy, tensor));
    if (cast) step.made[0].dtype = *options.dtype;
  }
  plan.config = PlainConfig(checkpoint, options.dtype);
  plan.options = CommonOptions(options);
  plan.options.update({{"command", "dequantize"}, {"dtype", options.dtype ? DTypeName(*options.dtype) : ""}});
  PlanShards(options.max_shard_bytes, plan);
  return plan;
}

}  // namespace w8a16
