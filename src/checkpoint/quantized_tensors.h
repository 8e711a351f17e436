#pragma once

#include <optional>
#include <string_view>

#include "w8a16/checkpoint.h"

namespace w8a16 {

/// What Checkpoint::FindQuantized returns for a checkpoint with this `quantization`.
std::optional<QuantizedTensors> FindQuantizedTensors(const Checkpoint& checkpoint, std::string_view module,
                                                     const QuantizationConfig& quantization);

}  // namespace w8a16
