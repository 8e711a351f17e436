#include <algorithm>
#include <cstdint>

#include "arch/config_reader.h"
#include "w8a16/model.h"

namespace w8a16 {

GenerateOptions LoadGenerateOptions(const std::filesystem::path& directory, const GenerateOptions& defaults) {
  GenerateOptions options = defaults;
  const std::filesystem::path path = directory / "generation_config.json";
  if (!std::filesystem::exists(path)) return options;
  const Json json = ParseJson(ReadTextFile(path), path.string());
  const ConfigReader config(json, path.string());
  constexpr double kSmallest = 1e-30;
  constexpr double kLargest = 1e30;
  options.max_new_tokens = config.Int("max_new_tokens", 0, INT64_MAX, options.max_new_tokens);
  options.repetition_penalty =
      static_cast<float>(config.Number("repetition_penalty", kSmallest, kLargest, options.repetition_penalty));
  if (!config.Bool("do_sample", false)) return options;
  options.temperature = static_cast<float>(config.Number("temperature", 0, kLargest, 1));
  // 50 is what transformers takes; other programs write -1 for all.
  options.top_k = static_cast<int32_t>(std::max<int64_t>(0, config.Int("top_k", -1, INT32_MAX, 50)));
  options.top_p = static_cast<float>(config.Number("top_p", kSmallest, 1, 1));
  options.min_p = static_cast<float>(config.Number("min_p", 0, 1, 0));
  return options;
}

}  // namespace w8a16
