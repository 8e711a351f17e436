#pragma once

#include <filesystem>

#include "convert/convert.h"
#include "convert/plan.h"

namespace w8a16 {

/// Carries out a plan: reading, computing and writing overlap, in memory of a few blocks whatever the checkpoint's
/// size. Throws Error; what the progress throws passes through.
ConvertReport RunConversion(const Checkpoint& checkpoint, const ConvertPlan& plan,
                            const std::filesystem::path& destination, const OutputOptions& options,
                            const ConvertProgress& progress);

}  // namespace w8a16
