#include "arch/architecture.h"

#include <array>

#include "arch/config_reader.h"
#include "arch/families/families.h"
#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

struct Family {
  const char* model_type;
  Architecture (*describe)(const ConfigReader& config);
};

// A new architecture is an entry here and a function in families/.
constexpr std::array<Family, 3> kFamilies = {{
    {"llama", DescribeLlama},
    {"mistral", DescribeMistral},
    {"qwen2", DescribeQwen2},
}};

std::optional<DType> DeclaredDType(const ConfigReader& config) {
  const char* key = config.Has("dtype") ? "dtype" : "torch_dtype";
  if (!config.Has(key)) return {};
  const std::string name = config.String(key);
  if (name == "float32") return DType::kF32;
  if (name == "float16") return DType::kF16;
  if (name == "bfloat16") return DType::kBF16;
  config.Fail(key, StrCat("\"", name, "\" is not supported; supported: float32, float16, bfloat16"));
}

// In which file a tensor is, or ought to be.
std::string Where(const Checkpoint& checkpoint, const TensorInfo* info) {
  return info == nullptr ? checkpoint.directory().string() : (checkpoint.directory() / info->file).string();
}

void CheckTensor(const Checkpoint& checkpoint, const std::string& name, const std::vector<int64_t>& shape) {
  const TensorInfo* info = checkpoint.Find(name);
  if (info == nullptr) {
    throw Error(StrCat(Where(checkpoint, nullptr), ": tensor ", name, " ", ShapeString(shape),
                       " is missing; the weight files do not belong to this config.json, or are incomplete"));
  }
  if (info->shape != shape) {
    throw Error(StrCat(Where(checkpoint, info), ": tensor ", name, " has shape ", ShapeString(info->shape),
                       ", but config.json asks for ", ShapeString(shape)));
  }
  if (!IsComputeFloat(info->dtype)) {
    throw Error(StrCat(Where(checkpoint, info), ": tensor ", name, " has dtype ", DTypeName(info->dtype),
                       "; F32, F16 and BF16 are supported"));
  }
}

}  // namespace

std::string ModuleNames::Block(int64_t layer, const std::string& name) const {
  return StrCat(layers, ".", layer, ".", name);
}

std::vector<std::string> KnownModelTypes() {
  std::vector<std::string> names;
  names.reserve(kFamilies.size());
  for (const Family& family : kFamilies) names.emplace_back(family.model_type);
  return names;
}

Architecture DescribeArchitecture(std::string_view config_text, std::string_view source) {
  const Json json = ParseJson(config_text, source);
  const ConfigReader config(json, std::string(source));
  const std::string model_type = config.String("model_type");
  for (const Family& family : kFamilies) {
    if (model_type != family.model_type) continue;
    Architecture a = family.describe(config);
    a.model_type = model_type;
    for (int64_t id : config.Ints("eos_token_id", 0, INT32_MAX)) a.eos_ids.push_back(static_cast<int32_t>(id));
    a.bos_id = static_cast<int32_t>(config.Int("bos_token_id", -1, INT32_MAX, -1));
    a.dtype = DeclaredDType(config);
    return a;
  }
  config.Fail("model_type",
              StrCat("\"", model_type, "\" is not supported; supported: ", Join(KnownModelTypes(), ", ")));
}

Architecture DescribeArchitecture(const Checkpoint& checkpoint) {
  return DescribeArchitecture(checkpoint.config_text(), (checkpoint.directory() / "config.json").string());
}

std::vector<ModuleSpec> Modules(const Architecture& a) {
  const ModuleNames& n = a.names;
  const int64_t q_size = a.heads * a.head_dim;
  const int64_t kv_size = a.kv_heads * a.head_dim;
  std::vector<ModuleSpec> modules;
  modules.push_back({n.embedding, Role::kEmbedding, {a.vocab_size, a.hidden_size}});
  for (int64_t i = 0; i < a.layers; ++i) {
    modules.push_back({n.Block(i, n.attention_norm), Role::kNorm, {a.hidden_size}, a.norm.bias});
    modules.push_back({n.Block(i, n.q), Role::kLinear, {q_size, a.hidden_size}, a.qkv_bias});
    modules.push_back({n.Block(i, n.k), Role::kLinear, {kv_size, a.hidden_size}, a.qkv_bias});
    modules.push_back({n.Block(i, n.v), Role::kLinear, {kv_size, a.hidden_size}, a.qkv_bias});
    modules.push_back({n.Block(i, n.o), Role::kLinear, {a.hidden_size, q_size}, a.out_bias});
    modules.push_back({n.Block(i, n.mlp_norm), Role::kNorm, {a.hidden_size}, a.norm.bias});
    modules.push_back({n.Block(i, n.gate), Role::kLinear, {a.intermediate_size, a.hidden_size}, a.mlp_bias});
    modules.push_back({n.Block(i, n.up), Role::kLinear, {a.intermediate_size, a.hidden_size}, a.mlp_bias});
    modules.push_back({n.Block(i, n.down), Role::kLinear, {a.hidden_size, a.intermediate_size}, a.mlp_bias});
  }
  modules.push_back({n.final_norm, Role::kNorm, {a.hidden_size}, a.norm.bias});
  modules.push_back({n.head, Role::kHead, {a.vocab_size, a.hidden_size}, false, a.tied_head});
  return modules;
}

void CheckTensors(const Architecture& architecture, const Checkpoint& checkpoint) {
  for (const ModuleSpec& module : Modules(architecture)) {
    if (module.tied) continue;
    const bool may_be_quantized = module.role == Role::kLinear || module.role == Role::kHead;
    const auto quantized = may_be_quantized ? checkpoint.FindQuantized(module.name) : std::nullopt;
    if (quantized) {
      const std::vector<int64_t> shape = {quantized->out_features, quantized->in_features};
      if (shape != module.shape) {
        throw Error(StrCat(Where(checkpoint, nullptr), ": the quantized layer ", module.name, " has shape ",
                           ShapeString(shape), ", but config.json asks for ", ShapeString(module.shape)));
      }
    } else {
      CheckTensor(checkpoint, module.name + ".weight", module.shape);
    }
    if (module.bias) CheckTensor(checkpoint, module.name + ".bias", {module.shape[0]});
  }
}

}  // namespace w8a16
