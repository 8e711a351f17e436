#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "w8a16/checkpoint.h"

namespace w8a16 {

/// How a checkpoint is written, whatever is in it.
struct OutputOptions {
  uint64_t max_shard_bytes = 5'000'000'000;  ///< a weight file is no longer, unless one tensor alone is
  bool force = false;                        ///< weight files and indexes that lie in the destination are replaced
  bool resume = false;                       ///< goes on with what an interrupted run left, where there is something
};

struct ConvertOptions : OutputOptions {
  QuantizedFormat format = QuantizedFormat::kPackQuantized;
  std::vector<std::string> ignore;  ///< patterns of modules that stay float, added to the default
  std::vector<std::string> only;    ///< where not empty: patterns of the modules that are quantized, and no others
  bool default_ignore = true;       ///< heads stay float
};

struct DequantizeOptions : OutputOptions {
  /// Of all float tensors: kF32, kF16 or kBF16. Without it the weights get the dtype of their scales, which is the one
  /// that they had, and other tensors keep theirs.
  std::optional<DType> dtype;
};

/// The scales of one layer; rows of zeros, whose scale says nothing, are left out.
struct ScaleSummary {
  static constexpr int kBinsPerOctave = 4;
  float min = 0;
  float median = 0;
  float max = 0;
  int32_t first_bin = 0;
  std::vector<int64_t> counts;  ///< [i]: scales s with floor(kBinsPerOctave * log2(s)) = first_bin + i
};

/// A layer that was quantized. (Of a layer that was dequantized: name, sizes and bytes.)
struct ConvertedLayer {
  std::string name;
  int64_t out_features = 0;
  int64_t in_features = 0;
  double sqnr_db = 0;
  double max_error = 0;  ///< max |w - q s|
  double outlier_ratio =
      0;  ///< the largest that 127 scale / rms(w) is in any row: how far its largest weight sticks out
  int64_t outlier_row = 0;  ///< the row that has it
  int64_t zero_rows = 0;
  ScaleSummary scales;
  uint64_t bytes_before = 0;  ///< of its weight
  uint64_t bytes_after = 0;   ///< of what stands for it: weights, scales, shape
};

/// A linear module that stayed float, and why.
struct IgnoredModule {
  std::string name;
  std::string reason;
};

/// A pattern of the user that selected no module, and what may have been meant; the hint may be empty.
struct UnmatchedPattern {
  std::string option;  ///< "--ignore" or "--only"
  std::string pattern;
  std::string hint;
};

struct ConvertReport {
  uint64_t bytes_before = 0;  ///< of all tensors
  uint64_t bytes_after = 0;
  double seconds = 0;
  std::vector<ConvertedLayer> layers;
  std::vector<IgnoredModule> ignored;      ///< linear modules that stayed float, in order
  std::vector<std::string> skipped_files;  ///< files of the source that were not copied: weights in other formats
  std::vector<UnmatchedPattern> unmatched;
  std::vector<std::string> notes;  ///< what a person should know: an unknown architecture, tensors left alone
  size_t shards = 0;               ///< weight files written
  size_t kept_shards = 0;          ///< of them, finished by an earlier run
};

/// Called now and then with the bytes of source tensors done and in all. What it throws ends the conversion.
using ConvertProgress = std::function<void(uint64_t done, uint64_t total)>;

/// Streams the float checkpoint `source` into a quantized one at `destination` (docs/checkpoint_format.md), block by
/// block. Tensors that are not quantized keep their bits; configs, tokenizer and the like are copied.
///
/// Work lies in WorkPath(destination) until all is whole, then everything gets its place at once. What ends a run early
/// (an exception, a full disk, a killed process) leaves the destination as it was; finished weight files stay in the
/// work directory for a run with `resume`. A source that cannot be converted leaves nothing. Throws Error.
ConvertReport QuantizeCheckpoint(const std::filesystem::path& source, const std::filesystem::path& destination,
                                 const ConvertOptions& options, const ConvertProgress& progress = {});

/// The way back: a plain float checkpoint, w = q * scale in one float32 multiplication, rounded to the dtype. Written
/// as QuantizeCheckpoint does it. Throws Error.
ConvertReport DequantizeCheckpoint(const std::filesystem::path& source, const std::filesystem::path& destination,
                                   const DequantizeOptions& options, const ConvertProgress& progress = {});

/// Where the work for `destination` lies until it is done: beside it, with ".partial" after its name.
std::filesystem::path WorkPath(const std::filesystem::path& destination);

}  // namespace w8a16
