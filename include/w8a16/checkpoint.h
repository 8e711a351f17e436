#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "w8a16/quantize.h"
#include "w8a16/tensor.h"

namespace w8a16 {

/// One tensor of a checkpoint: where it lies.
struct TensorInfo {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  uint64_t bytes = 0;
  std::string file;     ///< file name inside the checkpoint directory
  uint64_t offset = 0;  ///< of the first byte, from the start of that file
};

/// The two forms of 8-bit checkpoints that are read and written (docs/checkpoint_format.md).
enum class QuantizedFormat : uint8_t { kPackQuantized, kIntQuantized };

/// "pack-quantized" or "int-quantized".
std::string_view QuantizedFormatName(QuantizedFormat format);
/// The inverse; throws Error, listing both, for anything else.
QuantizedFormat ParseQuantizedFormat(std::string_view name);

/// Who quantized a checkpoint that is read. Only compressed-tensors is written.
enum class QuantizationMethod : uint8_t {
  kCompressedTensors,
  kBitsAndBytes,  ///< LLM.int8(): I8 rows and their largest absolute values
  kGptq,          ///< 8 bits, one group; transposed, four rows to a word, zero points stored less one
  kGptqV2,        ///< the same with zero points as they are
};

/// What `quantization_config` in config.json says.
struct QuantizationConfig {
  QuantizedFormat format = QuantizedFormat::kPackQuantized;
  std::vector<std::string> ignore;  ///< full names, last components, or `re:` patterns
  QuantizationMethod method = QuantizationMethod::kCompressedTensors;
  std::vector<std::string> targets = {"Linear"};  ///< of compressed-tensors: classes, names or `re:` patterns
};

/// The tensors of one quantized linear layer, checked against each other.
struct QuantizedTensors {
  TensorView weights;  ///< raw bytes of the [out, ...] matrix
  Int8Encoding encoding = Int8Encoding::kSigned;
  int64_t out_features = 0;
  int64_t in_features = 0;
  int64_t row_stride = 0;  ///< bytes
  TensorView scales;       ///< [out] or [out, 1]
  /// Keeps `weights` and `scales` valid: the mapping, or memory that holds what the file has in another order (all
  /// weights of GPTQ, the scales of bitsandbytes).
  std::shared_ptr<const void> owner = nullptr;
  /// Names of all tensors that the layer is made of: weights first, scales second.
  std::vector<std::string> parts = {};
};

/// A Hugging Face checkpoint directory, mapped read-only. Cheap to copy; views stay valid while any copy lives.
class Checkpoint {
 public:
  /// Opens `directory` with its config.json and model.safetensors or model.safetensors.index.json + shards; where there
  /// are none, pytorch_model.bin or its index + shards. Every header is checked whole; tensor data is not read. Throws
  /// Error naming the file and the remedy.
  static Checkpoint Open(const std::filesystem::path& directory);
  /// All that keeps Open from opening `directory`, not only what it would throw; nothing where it would open.
  static std::vector<std::string> FindProblems(const std::filesystem::path& directory);

  const std::filesystem::path& directory() const;
  /// The text of config.json.
  const std::string& config_text() const;
  /// All tensors, file by file, in the order of their data.
  const std::vector<TensorInfo>& tensors() const;
  /// Names of the weight files.
  const std::vector<std::string>& files() const;
  /// Null where the checkpoint has no such tensor.
  const TensorInfo* Find(std::string_view name) const;
  /// The bytes of a tensor in the mapping. Throws Error naming near misses where there is none.
  TensorView Get(std::string_view name) const;
  /// Tells the kernel that the pages of this tensor, or of the `bytes` bytes from its byte `offset` on, are not needed
  /// for now.
  void Release(std::string_view name, uint64_t offset = 0, uint64_t bytes = UINT64_MAX) const;
  /// Asks the kernel to start reading the `bytes` bytes of the file from byte `offset` of this tensor on; they may
  /// reach into the tensors that follow.
  void Prefetch(std::string_view name, uint64_t offset, uint64_t bytes) const;
  /// Set when config.json declares 8-bit weights. Settings that are not W8A16 have been refused by Open.
  const std::optional<QuantizationConfig>& quantization() const;
  /// The quantized tensors of module `module` ("model.layers.0.mlp.up_proj"), or nothing where it is not quantized.
  /// Throws Error naming the tensor where they do not fit together.
  std::optional<QuantizedTensors> FindQuantized(std::string_view module) const;
  /// What keeps the mapping alive (Linear's `owner`).
  std::shared_ptr<const void> owner() const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

/// True where `pattern` selects the module: a full name, the last component of it, or `re:` and a regular expression
/// that matches from the start of the full name. Throws Error for a malformed expression.
bool MatchesModule(std::string_view pattern, std::string_view module);

}  // namespace w8a16
