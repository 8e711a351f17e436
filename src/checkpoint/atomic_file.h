#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>

namespace w8a16 {

/// Ends the name that a file has while it is being written.
inline constexpr std::string_view kPartialSuffix = ".partial";

/// A file that is written beside its final name and renamed when whole: readers never see half of it, and one that is
/// destroyed before Commit leaves nothing behind. All functions throw Error naming the file and the cause (a full
/// disk).
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Claims the disk space of the whole file, so that a disk that is too small is an error before anything is written.
  /// Where the file system cannot do that, nothing happens.
  void Reserve(uint64_t bytes);
  /// May be called from several threads at once for different ranges.
  void WriteAt(uint64_t offset, const void* data, size_t bytes);
  /// Brings the bytes to the disk and closes the file under its temporary name; no WriteAt afterwards.
  void Sync();
  /// Sync where that was not done, then renames, replacing what has the final name.
  void Commit();

 private:
  [[noreturn]] void Fail() const;

  std::filesystem::path path_;
  std::filesystem::path partial_;
  int fd_ = -1;
  uint64_t reserved_ = 0;
  bool committed_ = false;
};

/// Writes a small file through AtomicFile.
void WriteTextFile(const std::filesystem::path& path, std::string_view text);

}  // namespace w8a16
