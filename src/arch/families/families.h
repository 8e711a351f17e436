#pragma once

#include "arch/config_reader.h"
#include "arch/description.h"

namespace w8a16 {

/// One function for each model_type: config.json to Architecture. model_type, ids of tokens and dtype are filled in by
/// the caller.
Architecture DescribeBloom(const ConfigReader& config);
Architecture DescribeCodeGen(const ConfigReader& config);
Architecture DescribeCohere(const ConfigReader& config);
Architecture DescribeFalcon(const ConfigReader& config);
Architecture DescribeGemma(const ConfigReader& config);
Architecture DescribeGemma2(const ConfigReader& config);
Architecture DescribeGemma3(const ConfigReader& config);
Architecture DescribeGpt2(const ConfigReader& config);
Architecture DescribeGptJ(const ConfigReader& config);
Architecture DescribeGptNeo(const ConfigReader& config);
Architecture DescribeGptNeoX(const ConfigReader& config);
Architecture DescribeGranite(const ConfigReader& config);
Architecture DescribeLlama(const ConfigReader& config);
Architecture DescribeMistral(const ConfigReader& config);
Architecture DescribeMixtral(const ConfigReader& config);
Architecture DescribeMpt(const ConfigReader& config);
Architecture DescribeOlmo2(const ConfigReader& config);
Architecture DescribeOpt(const ConfigReader& config);
Architecture DescribePhi(const ConfigReader& config);
Architecture DescribePhi3(const ConfigReader& config);
Architecture DescribeQwen2(const ConfigReader& config);
Architecture DescribeQwen2Moe(const ConfigReader& config);
Architecture DescribeQwen3(const ConfigReader& config);
Architecture DescribeQwen3Moe(const ConfigReader& config);
Architecture DescribeSmolLm3(const ConfigReader& config);
Architecture DescribeStableLm(const ConfigReader& config);
Architecture DescribeStarcoder2(const ConfigReader& config);

}  // namespace w8a16
