#include "convert/plan.h"

namespace w8a16 {
namespace {

bool IsLinearInTransformers(Role role) { return role == Role::kLinear || role == Role::kHead || role == Role::kRouter; }

// By its role alone, whatever the user's patterns say.
bool StaysFloat(const ModuleSpec& module, const ConvertOptions& options) {
  return module.role == Role::kRouter || (module.role == Role::kHead && (module.tied || options.default_ignore));
}

}  // namespace

ConvertPlan PlanConversion(const Architecture& architecture, const ConvertOptions& options) {
  ConvertPlan plan;
  std::vector<bool> matched(options.ignore.size(), false);
  // A malformed pattern is an error even where there is no module to compare with.
  for (const std::string& pattern : options.ignore) MatchesModule(pattern, "");
  for (const ModuleSpec& module : Modules(architecture)) {
    const std::string weight = module.name + ".weight";
    if (module.tied) plan.dropped.insert(weight);
    if (!IsLinearInTransformers(module.role)) continue;
    bool ignored = StaysFloat(module, options);
    for (size_t i = 0; i < options.ignore.size(); ++i) {
      if (!MatchesModule(options.ignore[i], module.name)) continue;
      matched[i] = true;
      ignored = true;
    }
    if (ignored) {
      plan.ignored.push_back(module.name);
    } else {
      plan.quantized.emplace(weight, plan.layers.size());
      plan.layers.push_back(module.name);
    }
  }
  for (size_t i = 0; i < matched.size(); ++i) {
    if (!matched[i]) plan.unmatched.push_back(options.ignore[i]);
  }
  return plan;
}

}  // namespace w8a16
