#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arch/rope.h"
#include "w8a16/checkpoint.h"

namespace w8a16 {

/// What a tensor is for. kLinear is quantized, kHead on request, the others never.
enum class Role : uint8_t { kEmbedding, kNorm, kLinear, kHead, kRouter };

enum class NormKind : uint8_t { kRms, kLayer };
enum class MlpActivation : uint8_t { kSilu, kGelu, kGeluTanh, kRelu };

struct NormSpec {
  NormKind kind = NormKind::kRms;
  float eps = 1e-5F;
  float weight_offset = 0;  ///< 1 where weights are stored as the difference from one
  bool bias = false;
};

/// Names of modules as the checkpoint has them, without ".weight". Block names come after "<layers>.<index>.".
struct ModuleNames {
  std::string embedding = "model.embed_tokens";
  std::string layers = "model.layers";
  std::string attention_norm = "input_layernorm";
  std::string q = "self_attn.q_proj";
  std::string k = "self_attn.k_proj";
  std::string v = "self_attn.v_proj";
  std::string o = "self_attn.o_proj";
  std::string mlp_norm = "post_attention_layernorm";
  std::string gate = "mlp.gate_proj";
  std::string up = "mlp.up_proj";
  std::string down = "mlp.down_proj";
  std::string final_norm = "model.norm";
  std::string head = "lm_head";

  /// The full name of block module `name` of layer `layer`.
  std::string Block(int64_t layer, const std::string& name) const;
};

/// Sizes and options of one causal decoder: everything that the model code needs to know, nothing of files.
struct Architecture {
  std::string model_type;
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  int64_t max_positions = 0;
  NormSpec norm;
  RopeSpec rope;
  MlpActivation activation = MlpActivation::kSilu;
  float attention_scale = 0;     ///< multiplies q·k
  std::vector<int64_t> windows;  ///< per layer: sliding window in tokens, 0 for none
  bool qkv_bias = false;
  bool out_bias = false;
  bool mlp_bias = false;
  bool tied_head = false;
  std::vector<int32_t> eos_ids;
  int32_t bos_id = -1;         ///< -1: none
  std::optional<DType> dtype;  ///< of the checkpoint as config.json declares it
  ModuleNames names;
};

/// A module whose tensors the architecture expects: `name`.weight and, with bias, `name`.bias.
struct ModuleSpec {
  std::string name;
  Role role = Role::kLinear;
  std::vector<int64_t> shape;  ///< of the weight as PyTorch has it: [out, in] for linear layers
  bool bias = false;
  bool tied = false;  ///< its weight is the embedding's; a tensor of its own is not needed
  bool conv1d = false;  ///< float weights lie transposed, [in, out] (GPT-2's Conv1D); `shape` is [out, in] all the same
};

/// Reads config.json's text. `source` names it in messages. Throws Error naming the key for a value that is missing,
/// out of range or not supported, and listing the known ones for an unknown model_type.
Architecture DescribeArchitecture(std::string_view config_text, std::string_view source);

/// As above, for config.json of `checkpoint`, with module names as its tensors have them.
Architecture DescribeArchitecture(const Checkpoint& checkpoint);

/// Every module with tensors, in order: embedding, blocks, final norm, head.
std::vector<ModuleSpec> Modules(const Architecture& architecture);

/// The known model_type values.
std::vector<std::string> KnownModelTypes();

/// Throws Error, naming the file, the tensor and what was expected, where a tensor that the architecture needs is
/// missing or has the wrong shape or dtype (quantized layers included).
void CheckTensors(const Architecture& architecture, const Checkpoint& checkpoint);

}  // namespace w8a16
