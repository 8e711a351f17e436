#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/weight_format.h"

namespace w8a16 {

/// The tensors of a file that torch.save wrote (the zip format of PyTorch 1.6 and later), in the order of their data;
/// tied tensors share theirs. Nothing in the file is executed (pickle.h). Throws Error naming `file` for other formats,
/// TorchScript programs, big-endian data and what is malformed; tensors that are not contiguous or do not fit their
/// storage are reported.
std::vector<TensorInfo> ParseTorchFile(std::span<const std::byte> bytes, const std::string& file,
                                       const Report& report = ThrowProblem);

}  // namespace w8a16
