#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "checkpoint/json.h"
#include "convert/convert.h"

namespace w8a16 {

/// A weight file that is whole.
struct FinishedShard {
  std::string file;
  uint64_t bytes = 0;
  uint64_t checksum = 0;
  std::vector<ConvertedLayer> layers;  ///< what the report says about those in it
};

/// What an interrupted conversion leaves for the next run: a text file of one JSON document to a line. The first says
/// what was converted and how, each other one that a weight file is finished, the last one that files are being given
/// their places. Not brought to the disk at once: what a power failure takes from it is made again, and what it says of
/// files is checked.
class Journal {
 public:
  /// Of the file in a work directory. Hidden, so that it never has the name of a file of a checkpoint.
  static constexpr const char* kFile = ".w8a16-journal";

  /// Begins a new one.
  static Journal Create(const std::filesystem::path& directory, const Json& fingerprint);
  /// Reads one that is there. A last line that is not whole, and what follows it, is forgotten. Throws Error where
  /// there is none or where its first line is damaged.
  static Journal Read(const std::filesystem::path& directory);

  /// Throws Error, naming what is different, where this is the journal of another conversion.
  void RequireSame(const Json& fingerprint) const;
  void Add(const FinishedShard& shard);
  /// From now on files of the work directory move to their places; `files` are all of them, in order.
  void AddPublication(const std::vector<std::string>& files);

  const std::vector<FinishedShard>& shards() const { return shards_; }
  /// Empty before AddPublication.
  const std::vector<std::string>& publication() const { return publication_; }

 private:
  explicit Journal(const std::filesystem::path& directory) : directory_(directory), path_(directory / kFile) {}
  void Append(const Json& line);

  std::filesystem::path directory_;
  std::filesystem::path path_;
  uint64_t whole_ = 0;  // bytes of whole lines
  Json fingerprint_;
  std::vector<FinishedShard> shards_;
  std::vector<std::string> publication_;
};

/// What a conversion depends on: names, sizes and dates of the weight files, the text of config.json, the options, and
/// the plan that followed from them.
Json Fingerprint(const Checkpoint& checkpoint, const Json& options, const std::vector<std::string>& shards);

}  // namespace w8a16
