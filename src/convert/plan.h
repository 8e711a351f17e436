#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "arch/architecture.h"
#include "convert/convert.h"

namespace w8a16 {

/// What becomes of each tensor of a checkpoint.
struct ConvertPlan {
  std::vector<std::string> layers;                    ///< modules that are quantized, in the model's order
  std::vector<std::string> ignored;                   ///< linear modules that stay float, in the model's order
  std::vector<std::string> unmatched;                 ///< the user's patterns that selected no linear module
  std::unordered_map<std::string, size_t> quantized;  ///< weight tensor -> number in `layers`
  std::unordered_set<std::string> dropped;            ///< copies of tied weights
};

/// Throws Error for a malformed pattern.
ConvertPlan PlanConversion(const Architecture& architecture, const ConvertOptions& options);

}  // namespace w8a16
