#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "arch/architecture.h"
#include "checkpoint/json.h"
#include "w8a16/error.h"

namespace w8a16::testing {

/// A config of the Llama family, hidden size 64 in 4 heads, 2 blocks.
inline Json LlamaConfig() {
  return Json::parse(R"({"model_type": "llama", "vocab_size": 160, "hidden_size": 64, "intermediate_size": 144,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256,
    "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": false,
    "torch_dtype": "bfloat16", "bos_token_id": 1, "eos_token_id": [2, 7]})");
}

/// The same with other keys on top.
inline Json LlamaConfig(const Json& changes) {
  Json config = LlamaConfig();
  config.update(changes);
  return config;
}

inline Architecture Describe(const Json& config) { return DescribeArchitecture(config.dump(), "config.json"); }

inline void ExpectRefused(const Json& config, const std::string& message) {
  EXPECT_THAT([&] { Describe(config); },
              ::testing::ThrowsMessage<Error>(::testing::StartsWith("config.json: " + message)))
      << config.dump();
}

}  // namespace w8a16::testing
