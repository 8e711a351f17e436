#include "text/merge_table.h"

#include <bit>

namespace w8a16 {

MergeTable::MergeTable(std::span<const Merge> merges)
    : slots_(std::bit_ceil(merges.size() * 2 + 1), Merge{kEmpty, kEmpty, 0, 0}), mask_(slots_.size() - 1) {
  for (const Merge& merge : merges) {
    size_t slot = Hash(merge.left, merge.right) & mask_;
    while (slots_[slot].left != kEmpty && (slots_[slot].left != merge.left || slots_[slot].right != merge.right)) {
      slot = (slot + 1) & mask_;
    }
    slots_[slot] = merge;
  }
}

}  // namespace w8a16
