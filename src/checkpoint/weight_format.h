#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "w8a16/checkpoint.h"

namespace w8a16 {

/// Called with each thing that is wrong: throws it (ThrowProblem), or keeps a list so that one run shows them all.
using Report = std::function<void(const std::string& problem)>;

/// Throws Error with this text.
void ThrowProblem(const std::string& problem);

/// A kind of weight file. A new one is an entry in the table behind WeightFormats.
struct WeightFormat {
  std::string_view name;         ///< for messages
  std::string_view single_file;  ///< what transformers calls a checkpoint of one file
  std::string_view index_file;   ///< what it calls the index of a sharded one
  std::string_view extension;    ///< of shards
  /// The tensors of a mapped file, in the order of their data, `file` as their file and in messages. What is wrong goes
  /// to `report`; a file of which nothing can be read throws Error.
  std::vector<TensorInfo> (*read)(std::span<const std::byte> bytes, const std::string& file, const Report& report);
};

/// The formats that are read; where a directory has several, the first wins.
std::span<const WeightFormat> WeightFormats();

/// The format of a single file, by its extension.
const WeightFormat& WeightFormatOf(const std::filesystem::path& file);

using WeightMap = std::unordered_map<std::string, std::string>;  // tensor -> file

/// The weight files of a checkpoint directory.
struct WeightFiles {
  const WeightFormat* format = nullptr;
  std::filesystem::path index;     ///< empty for a single file
  WeightMap weight_map;            ///< of the index
  std::vector<std::string> files;  ///< names, sorted
};

/// Finds the weights of a directory. An entry of the index whose file is not the plain name of a weight file is
/// reported and left out. Throws Error where there are no weights or the index cannot be read.
WeightFiles FindWeightFiles(const std::filesystem::path& directory, const Report& report);

/// The weight_map of an index file, as above.
WeightMap ReadIndex(const std::filesystem::path& path, const WeightFormat& format, const Report& report);
/// The same from its text; `source` is what messages call it.
WeightMap ParseIndex(std::string_view text, const std::string& source, const WeightFormat& format,
                     const Report& report);

/// The files that a weight map names, sorted.
std::vector<std::string> FindShards(const WeightMap& weight_map);

/// Throws Error where `bytes` is what Git leaves in place of a large file.
void RefuseLfsPointer(std::span<const std::byte> bytes, const std::string& file);

/// Longest tensor name that is read: ten times what real ones need.
inline constexpr size_t kMaxTensorName = 1024;

/// Throws Error for a name that is empty, too long, not UTF-8, or has control characters.
void CheckTensorName(const std::string& file, const std::string& name);

}  // namespace w8a16
