#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/safetensors.h"

namespace w8a16 {

/// The directory that a conversion fills. Files lie there under temporary names until Commit; where it is not reached,
/// nothing is left behind and what was there before is untouched. All functions throw Error naming the path.
class OutputDirectory {
 public:
  /// Makes `destination` where it is missing. Refuses one that is `source`, one that the weights of `source` really lie
  /// in (links), and, without `force`, one that is not empty.
  OutputDirectory(const std::filesystem::path& source, const std::filesystem::path& destination, bool force);
  ~OutputDirectory();
  OutputDirectory(const OutputDirectory&) = delete;
  OutputDirectory& operator=(const OutputDirectory&) = delete;

  /// A weight file to be written; it stays valid as long as this object.
  SafetensorsWriter& AddWeights(const std::string& name, const std::vector<SafetensorsWriter::Declaration>& tensors);
  void AddText(const std::string& name, std::string_view text);
  void AddCopy(const std::filesystem::path& from);
  /// Removes the weight files and indexes that lay there before and gives all files their names: weights first, then
  /// the others in the order they were added.
  void Commit();

 private:
  AtomicFile& AddFile(const std::string& name);

  std::filesystem::path path_;
  std::vector<std::filesystem::path> created_;  // directories, outermost first
  std::vector<std::unique_ptr<SafetensorsWriter>> weights_;
  std::vector<std::unique_ptr<AtomicFile>> files_;
  std::vector<std::filesystem::path> committed_;  // files that have their names, until all have
};

}  // namespace w8a16
