#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/json.h"
#include "checkpoint/safetensors.h"
#include "convert/convert.h"

namespace w8a16 {

enum class StepKind : uint8_t {
  kCopy,        ///< the bits stay as they are
  kCast,        ///< to another float dtype
  kQuantize,    ///< a float weight becomes weights and scales
  kDequantize,  ///< weights and scales become a float weight
  kDrop,        ///< it is not written
};

/// "keep", "cast", "quantize", "dequantize", "drop".
std::string_view StepKindName(StepKind kind);

/// What becomes of one tensor of the source, or of all those of one quantized layer.
struct ConvertStep {
  StepKind kind = StepKind::kCopy;
  std::string module;                                ///< the name without its last part
  std::string reason;                                ///< why a weight stays float, or is not written; may be empty
  bool transposed = false;                           ///< the float weight lies [in, out]
  TensorInfo source;                                 ///< the tensor that is read row by row
  uint64_t bytes_before = 0;                         ///< of all tensors of the source that it stands for
  std::vector<SafetensorsWriter::Declaration> made;  ///< the first is written row by row, the others after it

  uint64_t BytesAfter() const;
};

/// One weight file that is written.
struct PlannedShard {
  std::string file;
  std::vector<size_t> steps;
  std::vector<SafetensorsWriter::Declaration> tensors;  ///< in the order of the file
  std::vector<std::vector<size_t>> at;                  ///< [step][made]: its number in `tensors`
  uint64_t bytes = 0;                                   ///< of the whole file
};

/// All that a conversion will do, known before anything is written. The same source and options give the same plan.
struct ConvertPlan {
  std::vector<ConvertStep> steps;   ///< in the order of the source
  std::vector<std::string> layers;  ///< modules that are quantized or dequantized, in the model's order
  std::vector<PlannedShard> shards;
  std::string config;  ///< the text of config.json
  Json options;        ///< what the plan depends on beside the source
  uint64_t bytes_before = 0;
  uint64_t bytes_after = 0;
  std::vector<IgnoredModule> ignored;
  std::vector<UnmatchedPattern> unmatched;
  std::vector<std::string> notes;
};

/// Throws Error where the checkpoint is quantized already, does not fit its config.json, or where nothing is left to
/// quantize; for malformed patterns too.
ConvertPlan PlanQuantization(const Checkpoint& checkpoint, const ConvertOptions& options);

/// Throws Error where the checkpoint is not quantized.
ConvertPlan PlanDequantization(const Checkpoint& checkpoint, const DequantizeOptions& options);

/// Fills the shards and sums of a plan whose steps are there: steps stay in order, and a new file begins where the next
/// step would make it longer than `max_shard_bytes`. Names are those of Hugging Face; the one file of a plan that fits
/// is model.safetensors. Throws Error where two steps make tensors of one name.
void PlanShards(uint64_t max_shard_bytes, ConvertPlan& plan);

/// The text of model.safetensors.index.json, which a plan with more than one file needs.
std::string IndexText(const ConvertPlan& plan);

}  // namespace w8a16
