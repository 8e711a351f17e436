#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "w8a16/checkpoint.h"

namespace w8a16 {

/// What a tensor is for. Only kLinear tensors are quantized; kHead on request.
enum class Role : uint8_t { kEmbedding, kNorm, kLinear, kHead, kRouter, kOther };

enum class NormKind : uint8_t { kRms, kLayer };
enum class ActivationKind : uint8_t { kSilu, kGelu, kGeluTanh, kRelu };

struct NormSpec {
  NormKind kind = NormKind::kRms;
  float eps = 1e-5F;
  float weight_offset = 0;  ///< 1 where the stored weight is added to one
  bool bias = false;
};

struct RopeSpec {
  double theta = 10000;
  int64_t rotary_dim = 0;  ///< elements of each head that are rotated, from the first on
  bool interleaved = false;
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
  std::optional<RopeSpec> rope;
  ActivationKind activation = ActivationKind::kSilu;
  float attention_scale = 0;             ///< multiplies q·k
  std::vector<int64_t> windows;          ///< per layer: sliding window in tokens, 0 for none
  bool qkv_bias = false;
  bool out_bias = false;
  bool mlp_bias = false;
  bool tied_head = false;
  std::vector<int32_t> eos_ids;  ///< of config.json
  int32_t bos_id = -1;
  DType dtype = DType::kF32;  ///< of the checkpoint, by config.json

  std::string prefix = "model.";  ///< of every module but the head
};

/// A module whose tensors the architecture expects: `name`.weight and, with bias, `name`.bias.
struct ModuleSpec {
  std::string name;
  Role role = Role::kOther;
  std::vector<int64_t> shape;  ///< of the weight as PyTorch has it: [out, in] for linear layers
  bool bias = false;
  bool optional = false;  ///< may be missing (a tied head)
};

/// Reads config.json's text. `source` names it in messages. Throws Error naming the key for a value that is missing, out of
/// range or not supported, and listing the known ones for an unknown model_type.
Architecture DescribeArchitecture(std::string_view config_text, std::string_view source);

/// Every module with tensors, in order: embedding, layers, final norm, head.
std::vector<ModuleSpec> Modules(const Architecture& architecture);

/// The known model_type values.
std::vector<std::string> KnownModelTypes();

/// Throws Error, naming the file, the tensor and what was expected, where a tensor that the architecture needs is missing
/// or has the wrong shape or dtype (quantized layers included).
void CheckTensors(const Architecture& architecture, const Checkpoint& checkpoint);

}  // namespace w8a16
