#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/aligned_buffer.h"
#include "w8a16/model.h"

namespace w8a16 {

/// Keys and values of one sequence, for each layer [kv_heads, capacity, head_dim]: what one head attends to is
/// contiguous.
struct KvCache::Impl {
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  int64_t context = 0;
  DType dtype = DType::kF32;
  int64_t length = 0;
  int64_t capacity = 0;
  std::vector<AlignedBuffer> keys;
  std::vector<AlignedBuffer> values;
  bool keeps_ids = false;    ///< where the keys may have to be made again
  std::vector<int32_t> ids;  ///< of the positions so far, if kept

  /// Makes room for `positions` (at most `context`), keeping what is there.
  void Reserve(int64_t positions);
  /// Counts `added` tokens, whose keys and values have been stored.
  void Append(std::span<const int32_t> added);
  /// Where the key or value of `position` of one head lies.
  std::byte* Slot(const std::vector<AlignedBuffer>& of, int64_t layer, int64_t head, int64_t position) const {
    const int64_t element = (head * capacity + position) * head_dim;
    return of[static_cast<size_t>(layer)].data() + static_cast<size_t>(element) * DTypeSize(dtype);
  }
};

}  // namespace w8a16
