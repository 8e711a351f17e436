#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

namespace w8a16 {

/// A whole file mapped read-only.
class MappedFile {
 public:
  /// Throws Error naming the file.
  static std::shared_ptr<const MappedFile> Open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  /// Drops the pages that lie wholly inside [offset, offset + bytes) from this process. They come back when read again.
  void Release(uint64_t offset, uint64_t bytes) const;
  /// Asks the kernel to start reading [offset, offset + bytes) from the disk, as far as the file goes.
  void Prefetch(uint64_t offset, uint64_t bytes) const;

 private:
  MappedFile() = default;

  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace w8a16
