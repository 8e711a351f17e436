#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/atomic_file.h"
#include "checkpoint/weight_format.h"
#include "w8a16/checkpoint.h"

namespace w8a16 {

/// Longest header that is read (the format's own cap).
inline constexpr uint64_t kMaxSafetensorsHeader = 100'000'000;
/// The tensors that the header of a safetensors file declares, in the order of their data. Throws Error naming `file`
/// (and the tensor) for anything the format forbids: a header longer than the file or the cap, bad JSON, duplicate
/// names, unknown dtypes, offsets that overlap, leave holes, pass the end or do not fit dtype and shape. What concerns
/// single tensors goes to `report`.
std::vector<TensorInfo> ParseSafetensors(std::span<const std::byte> bytes, const std::string& file,
                                         const Report& report = ThrowProblem);

/// Writes one safetensors file beside its final name and renames it when whole. Tensors are declared first, then their
/// data is written; a writer that is destroyed before Finish leaves nothing behind.
class SafetensorsWriter {
 public:
  struct Declaration {
    std::string name;
    DType dtype;
    std::vector<int64_t> shape;
  };
  /// What such a file begins with: the header, with __metadata__ {"format": "pt"}, and its length before it. Data lies
  /// in the order of `tensors` and starts at a multiple of 8 bytes. Throws Error, naming `path`, where a name stands
  /// twice.
  static std::string Header(const std::filesystem::path& path, const std::vector<Declaration>& tensors);

  /// Claims the space of the whole file and writes the header.
  SafetensorsWriter(std::filesystem::path path, const std::vector<Declaration>& tensors);
  const std::filesystem::path& path() const { return file_.path(); }
  /// Writes `bytes` bytes into tensor number `tensor`, from its byte `offset` on; in any order, each byte once. Throws
  /// Error naming file and cause (a full disk, say).
  void Write(size_t tensor, uint64_t offset, const void* data, size_t bytes);
  /// Writes the bytes that follow those of the last Append, for a caller that has all data in order.
  void Append(const void* data, size_t bytes);
  /// Checks that all declared bytes came and brings them to the disk, still under the temporary name.
  void Sync();
  /// Sync, then gives the file its name.
  void Finish();

 private:
  void WriteData(uint64_t offset, const void* data, size_t bytes);

  AtomicFile file_;
  uint64_t data_begin_ = 0;        // of the file
  std::vector<uint64_t> offsets_;  // of tensors from data_begin_, and the end
  uint64_t appended_ = 0;
  uint64_t written_ = 0;
};

}  // namespace w8a16
