#include "base/aligned_buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <utility>

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {

AlignedBuffer::~AlignedBuffer() { std::free(data_); }

AlignedBuffer::AlignedBuffer(AlignedBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

AlignedBuffer& AlignedBuffer::operator=(AlignedBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

std::byte* AlignedBuffer::Reserve(size_t bytes) {
  if (bytes <= size_) return data_;
  constexpr size_t kHugePage = size_t{2} << 20;
  const size_t alignment = bytes >= 2 * kHugePage ? kHugePage : 64;
  const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* fresh = rounded >= bytes ? std::aligned_alloc(alignment, rounded) : nullptr;
  if (fresh == nullptr) throw Error(StrCat("out of memory: ", bytes, " bytes of scratch memory were needed"));
#if defined(MADV_HUGEPAGE)
  // Only a wish: kernels without huge pages refuse it, and nothing depends on it.
  if (alignment == kHugePage) static_cast<void>(madvise(fresh, rounded, MADV_HUGEPAGE));
#endif
  std::free(data_);
  data_ = static_cast<std::byte*>(fresh);
  size_ = rounded;
  return data_;
}

}  // namespace w8a16
