#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "checkpoint/safetensors.h"
#include "w8a16/checkpoint.h"

namespace w8a16 {

/// The tensors that stand for the weight of module `module` in a quantized checkpoint, weights first, then scales.
std::vector<SafetensorsWriter::Declaration> QuantizedDeclarations(const std::string& module, const TensorInfo& weight,
                                                                  QuantizedFormat format);

/// Called with the bytes of the source that were just finished.
using BytesDone = FunctionRef<void(uint64_t bytes)>;

/// Quantizes `weight` in blocks of rows, all threads on each block, and writes what QuantizedDeclarations declares to
/// the tensors numbered `at`. The bytes do not depend on the number of threads. Throws Error naming file, tensor, row
/// and column for weights that are not finite.
QuantizationError WriteQuantized(const Checkpoint& checkpoint, const TensorInfo& weight, QuantizedFormat format,
                                 SafetensorsWriter& writer, const std::vector<size_t>& at, BytesDone done);

/// Writes `tensor` as it is to the tensor numbered `at`.
void WriteUnchanged(const Checkpoint& checkpoint, const TensorInfo& tensor, SafetensorsWriter& writer, size_t at,
                    BytesDone done);

}  // namespace w8a16
