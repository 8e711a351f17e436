#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"
#include "w8a16/model.h"

namespace w8a16 {

/// Options that all commands which run a model share.
struct ModelArgs {
  std::string model;
  std::string dtype;  ///< empty: the checkpoint's
  std::string weights = "auto";
  int64_t context = 0;  ///< 0: the model's
  int threads = 0;      ///< 0: all physical cores
  bool json = false;
};

/// MODEL, --dtype, --weights, --context, --threads and --json.
void AddModelOptions(CLI::App& app, ModelArgs& args);
void AddThreadsOption(CLI::App& app, int& threads);
void AddJsonOption(CLI::App& app, bool& json);

/// Sets the number of threads for the process. 0: all physical cores.
void ApplyThreads(int threads);

/// "f32", "bf16" or "f16" (checked by the option) as a DType; empty gives nothing.
std::optional<DType> ParseDTypeOption(std::string_view name);

/// Applies --threads and loads the model. Throws Error.
Model LoadModel(const ModelArgs& args);

/// The tokenizer of a model (a directory or a Hub id). Throws Error, saying `remedy`, where it has none.
Tokenizer LoadTokenizer(const std::string& model, std::string_view remedy);

/// "1,2,3" (brackets and spaces are allowed) as whole numbers from `smallest` on; `option` is what messages call it.
/// Throws CLI::ValidationError, which is wrong usage.
std::vector<int64_t> ParseNumberList(const std::string& text, const std::string& option, int64_t smallest);

/// The same for token ids, which must fit 32 bits.
std::vector<int32_t> ParseIds(const std::string& text, const std::string& option);

}  // namespace w8a16
