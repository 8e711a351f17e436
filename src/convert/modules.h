#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "w8a16/checkpoint.h"

namespace w8a16 {

/// A module whose weight is a matrix that other readers may take for a linear layer.
struct WeightModule {
  std::string name;
  std::vector<int64_t> shape;  ///< of the weight as it lies in the file
  bool transposed = false;     ///< it lies [in, out] (GPT-2's Conv1D)
  bool head = false;           ///< the output head: quantized on request only
  std::string stays_float;     ///< why it is never quantized; empty where it may be
};

/// The modules of a checkpoint that matter for quantization.
struct ModelModules {
  std::vector<WeightModule> modules;  ///< in the model's order
  std::vector<std::string> tied;      ///< tensors that are copies of another one
  std::vector<std::string> notes;     ///< what a person should know
};

/// By the architecture, where config.json names a known one, whose tensors are checked; otherwise by the names and
/// shapes of the tensors (GuessModules). Throws Error.
ModelModules FindModules(const Checkpoint& checkpoint);

/// For an unknown architecture: every two-dimensional float `.weight`. One that is an embedding, a norm or a router by
/// its name or by its companions (experts beside it, as many rows as the vocabulary, a bias that does not fit) stays
/// float; so do 3-dimensional tensors of fused experts, which are named in the notes. In doubt a weight is left alone.
ModelModules GuessModules(const Checkpoint& checkpoint);

}  // namespace w8a16
