#pragma once

#include "arch/architecture.h"
#include "arch/config_reader.h"

namespace w8a16 {

/// One function for each family: config.json to Architecture. model_type, names of tokens and dtype are filled in by
/// the caller.
Architecture DescribeLlama(const ConfigReader& config);
Architecture DescribeMistral(const ConfigReader& config);
Architecture DescribeQwen2(const ConfigReader& config);

/// Largest size that any dimension of a model may have: products of two fit 64 bits with room to spare.
inline constexpr int64_t kMaxDimension = int64_t{1} << 30;

/// hidden_act and its aliases. Throws Error naming the key and the supported kinds.
MlpActivation DescribeActivation(const ConfigReader& config, std::string_view key);

}  // namespace w8a16
