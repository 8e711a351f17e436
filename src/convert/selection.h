#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "convert/convert.h"
#include "convert/modules.h"

namespace w8a16 {

/// What the user's patterns and the defaults make of the modules.
struct Selection {
  std::vector<WeightModule> layers;  ///< these are quantized, in the model's order
  std::vector<IgnoredModule> ignored;
  std::vector<UnmatchedPattern> unmatched;
};

/// Throws Error for a malformed pattern.
Selection SelectModules(const ModelModules& modules, const ConvertOptions& options);

}  // namespace w8a16
