#include "arch/architecture.h"

#include <array>

#include "arch/config_reader.h"
#include "arch/families/families.h"
#include "base/strings.h"

namespace w8a16 {
namespace {

struct Family {
  const char* model_type;
  Architecture (*describe)(const ConfigReader& config);
};

// A new architecture is an entry here and a function in families/.
constexpr std::array<Family, 28> kFamilies = {{
    {"bloom", DescribeBloom},
    {"codegen", DescribeCodeGen},
    {"cohere", DescribeCohere},
    {"falcon", DescribeFalcon},
    {"gemma", DescribeGemma},
    {"gemma2", DescribeGemma2},
    {"gemma3", DescribeGemma3},
    {"gemma3_text", DescribeGemma3},
    {"gpt2", DescribeGpt2},
    {"gpt_neo", DescribeGptNeo},
    {"gpt_neox", DescribeGptNeoX},
    {"gptj", DescribeGptJ},
    {"granite", DescribeGranite},
    {"llama", DescribeLlama},
    {"mistral", DescribeMistral},
    {"mixtral", DescribeMixtral},
    {"mpt", DescribeMpt},
    {"olmo2", DescribeOlmo2},
    {"opt", DescribeOpt},
    {"phi", DescribePhi},
    {"phi3", DescribePhi3},
    {"qwen2", DescribeQwen2},
    {"qwen2_moe", DescribeQwen2Moe},
    {"qwen3", DescribeQwen3},
    {"qwen3_moe", DescribeQwen3Moe},
    {"smollm3", DescribeSmolLm3},
    {"stablelm", DescribeStableLm},
    {"starcoder2", DescribeStarcoder2},
}};

std::optional<DType> DeclaredDType(const ConfigReader& config) {
  const std::string_view key = config.FirstOf({"dtype", "torch_dtype"});
  if (!config.Has(key)) return {};
  const std::string name = config.String(key);
  if (name == "float32") return DType::kF32;
  if (name == "float16") return DType::kF16;
  if (name == "bfloat16") return DType::kBF16;
  config.Fail(key, StrCat("\"", name, "\" is not supported; supported: float32, float16, bfloat16"));
}

const Family& FindFamily(const ConfigReader& config) {
  const std::string model_type = config.String("model_type");
  for (const Family& family : kFamilies) {
    if (model_type == family.model_type) return family;
  }
  config.Fail("model_type",
              StrCat("\"", model_type, "\" is not supported; supported: ", Join(KnownModelTypes(), ", ")));
}

}  // namespace

std::vector<std::string> KnownModelTypes() {
  std::vector<std::string> names;
  names.reserve(kFamilies.size());
  for (const Family& family : kFamilies) names.emplace_back(family.model_type);
  return names;
}

Architecture DescribeArchitecture(std::string_view config_text, std::string_view source) {
  const Json json = ParseJson(config_text, source);
  const ConfigReader config(json, std::string(source));
  const Family& family = FindFamily(config);
  // A model of text and images keeps what is about the text in an object of its own.
  const ConfigReader text = config.Has("text_config") ? config.Object("text_config") : config;
  const auto holder = [&](std::string_view key) { return config.Has(key) ? config : text; };

  Architecture a = family.describe(text);
  a.model_type = family.model_type;
  for (int64_t id : holder("eos_token_id").Ints("eos_token_id", 0, INT32_MAX)) {
    a.eos_ids.push_back(static_cast<int32_t>(id));
  }
  a.bos_id = static_cast<int32_t>(holder("bos_token_id").Int("bos_token_id", -1, INT32_MAX, -1));
  a.dtype = DeclaredDType(config);
  if (!a.dtype) a.dtype = DeclaredDType(text);
  return a;
}

Architecture DescribeArchitecture(const Checkpoint& checkpoint) {
  Architecture a = DescribeArchitecture(checkpoint.config_text(), (checkpoint.directory() / "config.json").string());
  a.names.Align(checkpoint);
  return a;
}

}  // namespace w8a16
