#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "w8a16/checkpoint.h"

namespace w8a16 {

struct ConvertOptions {
  QuantizedFormat format = QuantizedFormat::kPackQuantized;
  std::vector<std::string> ignore;  ///< patterns of modules that stay float, added to the default
  bool default_ignore = true;       ///< heads stay float
  bool force = false;               ///< weight files and indexes that lie in the destination are removed
};

struct ConvertedLayer {
  std::string name;
  int64_t out_features = 0;
  int64_t in_features = 0;
  double sqnr_db = 0;
};

struct ConvertReport {
  uint64_t bytes_before = 0;  ///< of all tensors
  uint64_t bytes_after = 0;
  double seconds = 0;
  std::vector<ConvertedLayer> layers;
  std::vector<std::string> ignored;        ///< linear layers that stayed float, in order
  std::vector<std::string> skipped_files;  ///< files of the source that were not copied: weights in other formats
  std::vector<std::string> unmatched;      ///< patterns of the user that matched no module
};

/// Called now and then with the bytes of source tensors done and in all.
using ConvertProgress = std::function<void(uint64_t done, uint64_t total)>;

/// Streams the float checkpoint `source` into a quantized one at `destination` (docs/checkpoint_format.md), tensor by
/// tensor. Tensors that are not quantized keep their bits; configs, tokenizer and the like are copied. Files appear
/// under their final names when whole, config.json last. Throws Error and leaves nothing behind where anything is
/// wrong.
ConvertReport QuantizeCheckpoint(const std::filesystem::path& source, const std::filesystem::path& destination,
                                 const ConvertOptions& options, const ConvertProgress& progress = {});

}  // namespace w8a16
