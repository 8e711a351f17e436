#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace w8a16 {

/// Something about a checkpoint that deserves attention.
struct Finding {
  enum class Severity : uint8_t {
    kNote,     ///< unusual, but read without trouble
    kProblem,  ///< some reader refuses it, or reads something else than was meant
  };
  Severity severity = Severity::kProblem;
  std::string text;  ///< names the file or tensor
};

/// Checks a checkpoint, float or quantized, as docs/checkpoint_format.md describes it: headers, index, config.json, the
/// architecture's tensors; of each quantized layer its parts, scales (finite, positive), padding (zero); that targets
/// and ignore list select the layers that are quantized. Reads all quantized bytes. Where the checkpoint cannot be
/// opened, all that keeps it from being opened.
std::vector<Finding> VerifyCheckpoint(const std::filesystem::path& directory);

}  // namespace w8a16
