#include "arch/modules.h"

#include <utility>

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

class ModuleList {
 public:
  explicit ModuleList(const Architecture& a) : a_(a), n_(a.names) {}

  std::vector<ModuleSpec> Make() {
    const bool projected = a_.embedding_size != a_.hidden_size;
    Add({n_.Outer(n_.embedding), Role::kEmbedding, {a_.vocab_size, a_.embedding_size}});
    Add({n_.Outer(n_.positions), Role::kEmbedding, {a_.max_positions + a_.position_offset, a_.hidden_size}});
    if (projected) Add({n_.Outer(n_.project_in), Role::kLinear, {a_.hidden_size, a_.embedding_size}});
    AddNorm(n_.Outer(n_.embedding_norm), a_.norm, {a_.hidden_size});
    for (size_t i = 0; i < a_.layers.size(); ++i) AddBlock(static_cast<int64_t>(i));
    AddNorm(n_.Outer(n_.final_norm), a_.norm, {a_.hidden_size});
    if (projected) Add({n_.Outer(n_.project_out), Role::kLinear, {a_.embedding_size, a_.hidden_size}});
    Add({n_.head, Role::kHead, {a_.vocab_size, a_.embedding_size}, a_.head_bias, a_.tied_head});
    return std::move(modules_);
  }

 private:
  void Add(ModuleSpec module) {
    if (!module.name.empty()) modules_.push_back(std::move(module));
  }
  void AddNorm(const std::string& name, const NormSpec& norm, std::vector<int64_t> shape) {
    if (norm.weight) Add({name, Role::kNorm, std::move(shape), norm.bias});
  }
  void AddBlockNorm(int64_t layer, const std::string& name) {
    AddNorm(n_.Block(layer, name), a_.norm, {a_.hidden_size});
  }
  void AddLinear(int64_t layer, const std::string& name, int64_t out, int64_t in, bool bias) {
    Add({n_.Block(layer, name), Role::kLinear, {out, in}, bias, false, a_.conv1d});
  }

  void AddBlock(int64_t layer) {
    AddBlockNorm(layer, n_.attention_in_norm);
    AddAttention(layer);
    AddBlockNorm(layer, n_.attention_out_norm);
    AddBlockNorm(layer, n_.attention_sum_norm);
    AddBlockNorm(layer, n_.mlp_in_norm);
    if (a_.layers[static_cast<size_t>(layer)].experts) {
      AddExperts(layer);
    } else {
      AddMlp(layer, n_.gate_up, n_.gate, n_.up, n_.down, a_.mlp.intermediate_size);
    }
    AddBlockNorm(layer, n_.mlp_out_norm);
    AddBlockNorm(layer, n_.mlp_sum_norm);
  }

  void AddAttention(int64_t layer) {
    const AttentionSpec& attention = a_.attention;
    if (!n_.qkv.empty()) {
      AddLinear(layer, n_.qkv, attention.QSize() + 2 * attention.KvSize(), a_.hidden_size, attention.qkv_bias);
    } else {
      AddLinear(layer, n_.q, attention.QSize(), a_.hidden_size, attention.qkv_bias);
      AddLinear(layer, n_.k, attention.KvSize(), a_.hidden_size, attention.qkv_bias);
      AddLinear(layer, n_.v, attention.KvSize(), a_.hidden_size, attention.qkv_bias);
    }
    AddQkNorm(n_.Block(layer, n_.q_norm), attention.heads);
    AddQkNorm(n_.Block(layer, n_.k_norm), attention.kv_heads);
    AddLinear(layer, n_.o, a_.hidden_size, attention.QSize(), attention.out_bias);
  }

  void AddQkNorm(const std::string& name, int64_t heads) {
    const NormSpec& norm = a_.attention.qk_norm;
    const int64_t head_dim = a_.attention.head_dim;
    switch (a_.attention.qk_norm_scope) {
      case QkNormScope::kHead:
        return AddNorm(name, norm, {head_dim});
      case QkNormScope::kEachHead:
        return AddNorm(name, norm, {heads, head_dim});
      case QkNormScope::kHeadModule:
        for (int64_t head = 0; head < heads && !name.empty(); ++head) {
          AddNorm(StrCat(name, ".", head), norm, {head_dim});
        }
        return;
      case QkNormScope::kProjection:
        return AddNorm(name, norm, {heads * head_dim});
    }
  }

  void AddMlp(int64_t layer, const std::string& gate_up, const std::string& gate, const std::string& up,
              const std::string& down, int64_t size) {
    const bool bias = a_.mlp.bias;
    if (!gate_up.empty()) {
      AddLinear(layer, gate_up, 2 * size, a_.hidden_size, bias);
    } else {
      AddLinear(layer, gate, size, a_.hidden_size, bias);
      AddLinear(layer, up, size, a_.hidden_size, bias);
    }
    AddLinear(layer, down, a_.hidden_size, size, bias);
  }

  void AddExperts(int64_t layer) {
    const ExpertsSpec& experts = a_.experts;
    const auto add_expert = [&](const std::string& expert, int64_t size) {
      AddMlp(layer, "", StrCat(expert, ".", n_.expert_gate), StrCat(expert, ".", n_.expert_up),
             StrCat(expert, ".", n_.expert_down), size);
    };
    Add({n_.Block(layer, n_.router), Role::kRouter, {experts.count, a_.hidden_size}});
    for (int64_t e = 0; e < experts.count; ++e) add_expert(StrCat(n_.experts, ".", e), experts.intermediate_size);
    if (experts.shared_intermediate_size == 0) return;
    add_expert(n_.shared_expert, experts.shared_intermediate_size);
    Add({n_.Block(layer, n_.shared_expert_gate), Role::kRouter, {1, a_.hidden_size}});
  }

  const Architecture& a_;
  const ModuleNames& n_;
  std::vector<ModuleSpec> modules_;
};

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

void CheckWeight(const ModuleSpec& module, const Checkpoint& checkpoint) {
  const bool may_be_quantized = module.role == Role::kLinear || module.role == Role::kHead;
  const auto quantized = may_be_quantized ? checkpoint.FindQuantized(module.name) : std::nullopt;
  if (!quantized) {
    const std::vector<int64_t>& shape = module.shape;
    CheckTensor(checkpoint, module.name + ".weight", module.conv1d ? std::vector{shape[1], shape[0]} : shape);
    return;
  }
  const std::vector<int64_t> shape = {quantized->out_features, quantized->in_features};
  if (shape != module.shape) {
    throw Error(StrCat(Where(checkpoint, nullptr), ": the quantized layer ", module.name, " has shape ",
                       ShapeString(shape), ", but config.json asks for ", ShapeString(module.shape)));
  }
}

}  // namespace

std::vector<ModuleSpec> Modules(const Architecture& architecture) { return ModuleList(architecture).Make(); }

void CheckTensors(const Architecture& architecture, const Checkpoint& checkpoint, const Report& report) {
  for (const ModuleSpec& module : Modules(architecture)) {
    try {
      if (!module.tied) CheckWeight(module, checkpoint);
      if (module.bias) CheckTensor(checkpoint, module.name + ".bias", {module.shape[0]});
    } catch (const Error& error) {
      report(error.what());
    }
  }
}

}  // namespace w8a16
