#pragma once

#include <optional>
#include <string_view>

#include "checkpoint/json.h"
#include "checkpoint/weight_format.h"
#include "w8a16/checkpoint.h"

namespace w8a16 {

/// Reads "quantization_config" of a config.json; nothing where there is none. Reports, naming `source` and the key,
/// every setting that is not 8-bit symmetric weights with one scale per output channel: other methods, zero points,
/// groups, reordered or sparse weights, quantized activations or caches.
std::optional<QuantizationConfig> ReadQuantizationConfig(const Json& config, std::string_view source,
                                                         const Report& report = ThrowProblem);

/// `config` with "quantization_config" set to what readers of compressed-tensors expect, its other keys untouched and
/// in their order.
Json WithQuantizationConfig(Json config, const QuantizationConfig& quantization);

/// How this project writes JSON files.
std::string JsonFileText(const Json& document);

}  // namespace w8a16
