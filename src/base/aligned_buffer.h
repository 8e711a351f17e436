#pragma once

#include <cstddef>

namespace w8a16 {

/// Memory aligned to 64 bytes (2 MB, with huge pages asked for, from 4 MB on) that only grows. Contents are unspecified
/// after it grew.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t bytes) { Reserve(bytes); }
  ~AlignedBuffer();
  AlignedBuffer(AlignedBuffer&& other) noexcept;
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept;

  /// At least `bytes` bytes. Throws Error where there is no memory.
  std::byte* Reserve(size_t bytes);
  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace w8a16
