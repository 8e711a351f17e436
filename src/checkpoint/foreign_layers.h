#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "w8a16/checkpoint.h"

namespace w8a16 {

/// A layer as bitsandbytes stores LLM.int8() weights: `weight` I8 [N, K] and `SCB` F32 [N], the largest absolute value
/// of each row; scale = SCB / 127 (a division of float32). Nothing where the module is not quantized. Throws Error
/// naming the tensor where they do not fit together.
std::optional<QuantizedTensors> FindBitsAndBytes(const Checkpoint& checkpoint, std::string_view module);

/// A layer as GPTQ stores 8-bit weights in one group: `qweight` I32 [K/4, N], byte i of word [j, n] being
/// q[n, 4j + i] + 128; `scales` [1, N]; `qzeros` I32 [1, N/4], whose bytes must all be `zero`, the value by which this
/// version of the format stores the zero point 128; `g_idx` I32 [K], all zero. The weights are transposed into memory
/// by each call. Nothing and errors as above.
std::optional<QuantizedTensors> FindGptq(const Checkpoint& checkpoint, std::string_view module, uint8_t zero);

}  // namespace w8a16
