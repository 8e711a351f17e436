#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "w8a16/checkpoint.h"

namespace w8a16 {

/// A whole file mapped read-only. Throws Error naming the file.
class MappedFile {
 public:
  static std::shared_ptr<const MappedFile> Open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  /// Drops the pages that lie wholly inside [offset, offset + bytes) from this process.
  void Release(uint64_t offset, uint64_t bytes) const;

 private:
  MappedFile() = default;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

/// Longest header that is read (the format's own cap).
inline constexpr uint64_t kMaxSafetensorsHeader = 100'000'000;

/// The tensors that the header of a safetensors file declares, in the order of their data. Throws Error naming `file`
/// (and the tensor) for anything the format forbids: a header longer than the file or the cap, bad JSON, duplicate
/// names, unknown dtypes, offsets that overlap, leave holes, pass the end or do not fit dtype and shape.
std::vector<TensorInfo> ParseSafetensors(std::span<const std::byte> bytes, const std::string& file);

/// Writes one safetensors file beside its final name and renames it when whole. Tensors are declared first, then their
/// data is appended in that order; a writer that is destroyed before Finish leaves nothing behind.
class SafetensorsWriter {
 public:
  struct Declaration {
    std::string name;
    DType dtype;
    std::vector<int64_t> shape;
  };
  /// Writes the header, with __metadata__ {"format": "pt"}. Data starts at a multiple of 8 bytes.
  SafetensorsWriter(std::filesystem::path path, const std::vector<Declaration>& tensors);
  ~SafetensorsWriter();
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;
  /// Appends the next bytes. Throws Error naming file and cause (a full disk, say).
  void Append(const void* data, size_t bytes);
  /// Checks that all declared bytes came, syncs and renames.
  void Finish();

 private:
  std::filesystem::path path_;
  std::filesystem::path partial_;
  int fd_ = -1;
  uint64_t expected_ = 0;
  uint64_t written_ = 0;
};

/// Writes a small file beside its final name and renames it when whole.
void WriteTextFile(const std::filesystem::path& path, std::string_view text);

}  // namespace w8a16
