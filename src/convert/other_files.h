#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "w8a16/checkpoint.h"

namespace w8a16 {

/// What lies in a checkpoint directory beside the weights that are converted.
struct OtherFiles {
  std::vector<std::filesystem::path> copied;  ///< tokenizer, templates, licence and the like; not config.json
  std::vector<std::string> skipped;  ///< names: weights in other formats, states of training, directories ("name/")
};

/// Sorted by name. Hidden files are in neither list.
OtherFiles ListOtherFiles(const Checkpoint& checkpoint);

}  // namespace w8a16
