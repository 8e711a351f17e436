#include "convert/modules.h"

#include <algorithm>

#include "arch/architecture.h"
#include "base/strings.h"
#include "checkpoint/json.h"

namespace w8a16 {
namespace {

// The text of a key of config.json; empty where it is missing or not a string.
std::string ModelType(const Checkpoint& checkpoint) {
  const Json config = ParseJson(checkpoint.config_text(), (checkpoint.directory() / "config.json").string());
  const auto type = config.find("model_type");
  return type != config.end() && type->is_string() ? type->get<std::string>() : std::string();
}

ModelModules DescribedModules(const Checkpoint& checkpoint) {
  const Architecture architecture = DescribeArchitecture(checkpoint);
  CheckTensors(architecture, checkpoint);
  ModelModules found;
  int64_t transposed = 0;
  for (const ModuleSpec& spec : Modules(architecture)) {
    if (spec.tied) found.tied.push_back(spec.name + ".weight");
    if (spec.role != Role::kLinear && spec.role != Role::kHead && spec.role != Role::kRouter) continue;
    WeightModule module;
    module.name = spec.name;
    module.shape = spec.shape;
    module.transposed = spec.conv1d;
    module.head = spec.role == Role::kHead;
    if (spec.conv1d) std::swap(module.shape[0], module.shape[1]);
    if (spec.conv1d) ++transposed;
    if (spec.role == Role::kRouter) module.stays_float = "router of experts";
    if (spec.tied) module.stays_float = "output head, tied to the embedding";
    found.modules.push_back(std::move(module));
  }
  if (transposed > 0) {
    found.notes.push_back(StrCat(
        transposed, " layers are Conv1D, [in, out]: they are stored as [out, in], which this project reads; vLLM ",
        "and transformers cannot load such a checkpoint"));
  }
  return found;
}

}  // namespace

ModelModules FindModules(const Checkpoint& checkpoint) {
  const std::string type = ModelType(checkpoint);
  const std::vector<std::string> known = KnownModelTypes();
  if (std::find(known.begin(), known.end(), type) != known.end()) return DescribedModules(checkpoint);
  ModelModules found = GuessModules(checkpoint);
  const std::string what =
      type.empty() ? "config.json has no model_type" : StrCat("model_type \"", type, "\" is unknown");
  found.notes.insert(found.notes.begin(),
                     StrCat(what, ": what is a linear layer was guessed from names and shapes; look at --dry-run"));
  return found;
}

}  // namespace w8a16
