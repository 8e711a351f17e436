#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "w8a16/model.h"

namespace w8a16 {

/// How new tokens are chosen and when they end, as the user gave it; what is not given comes from the model's
/// generation_config.json.
struct GenerationArgs {
  std::optional<int64_t> max_new_tokens;
  std::optional<float> temperature;
  std::optional<int32_t> top_k;
  std::optional<float> top_p;
  std::optional<float> min_p;
  std::optional<float> repetition_penalty;
  bool greedy = false;
  uint64_t seed = 0;
  std::vector<std::string> stop;

  /// The options for the model in `directory`; `new_tokens` is what applies where nothing says how many. Throws Error
  /// for a damaged generation_config.json.
  GenerateOptions Resolve(const std::filesystem::path& directory, int64_t new_tokens) const;
};

/// --max-new-tokens (`default_new_tokens` says what applies without it), --temperature, --greedy, --top-k, --top-p,
/// --min-p, --repetition-penalty, --seed and --stop.
void AddGenerationOptions(CLI::App& app, GenerationArgs& args, const std::string& default_new_tokens);

/// "eos", "length", "context" or "stop", as JSON documents have it.
const char* FinishReasonName(FinishReason reason);

}  // namespace w8a16
