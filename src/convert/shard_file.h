#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "checkpoint/safetensors.h"

namespace w8a16 {

/// A weight file that is being written, and its checksum: XXH3 (64 bits) of the header and of each tensor, and XXH3 of
/// these. (Of the well-known ones it is the one that costs nothing beside the writing; damage is what it is against,
/// not malice. One for each tensor, because tensors are not written in the order of the file.)
class ShardFile {
 public:
  ShardFile(const std::filesystem::path& path, const std::vector<SafetensorsWriter::Declaration>& tensors);
  ~ShardFile();
  ShardFile(const ShardFile&) = delete;
  ShardFile& operator=(const ShardFile&) = delete;

  /// The bytes of a tensor that follow those that came before. Throws Error as SafetensorsWriter does.
  void Append(size_t tensor, const void* data, size_t bytes);
  /// Brings everything to the disk, gives the file its name and returns the checksum.
  uint64_t Finish();

 private:
  struct Stream;
  SafetensorsWriter writer_;
  uint64_t header_hash_;
  std::vector<std::unique_ptr<Stream>> streams_;
};

/// The checksum that ShardFile gave a file when it wrote it. `read` is called now and then. Throws Error where the file
/// cannot be read, or is no safetensors file.
uint64_t ShardChecksum(const std::filesystem::path& path, const std::function<void()>& read);

}  // namespace w8a16
