#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "arch/description.h"
#include "checkpoint/weight_format.h"
#include "w8a16/checkpoint.h"

namespace w8a16 {

/// What a tensor is for. kLinear is quantized, kHead on request, the others never.
enum class Role : uint8_t { kEmbedding, kNorm, kLinear, kHead, kRouter };

/// A module whose tensors the architecture expects: `name`.weight and, with bias, `name`.bias.
struct ModuleSpec {
  std::string name;
  Role role = Role::kLinear;
  std::vector<int64_t> shape;  ///< of the weight as PyTorch has it: [out, in] for linear layers
  bool bias = false;
  bool tied = false;    ///< its weight is the embedding's; a tensor of its own is not needed
  bool conv1d = false;  ///< float weights lie transposed, [in, out] (GPT-2's Conv1D); `shape` is [out, in] all the same
};

/// Every module with tensors, in order: embedding, blocks, final norm, head.
std::vector<ModuleSpec> Modules(const Architecture& architecture);

/// Reports, naming the file, the tensor and what was expected, each module with a tensor that is missing or has the
/// wrong shape or dtype (quantized layers included).
void CheckTensors(const Architecture& architecture, const Checkpoint& checkpoint, const Report& report = ThrowProblem);

}  // namespace w8a16
