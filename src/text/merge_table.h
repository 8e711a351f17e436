#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace w8a16 {

/// The merges of a BPE vocabulary, by the pair of ids they join: a hash table with open addressing, since encoding is
/// mostly lookups here and std::unordered_map follows a pointer for each.
class MergeTable {
 public:
  struct Merge {
    int32_t left;
    int32_t right;
    int32_t rank;  ///< lower ones are done first
    int32_t result;
  };

  MergeTable() : MergeTable(std::span<const Merge>{}) {}
  /// Of two merges of the same pair the later one counts.
  explicit MergeTable(std::span<const Merge> merges);

  /// Null where the pair does not merge.
  const Merge* Find(int32_t left, int32_t right) const {
    for (size_t slot = Hash(left, right);; ++slot) {
      const Merge& merge = slots_[slot & mask_];
      if (merge.left == kEmpty) return nullptr;
      if (merge.left == left && merge.right == right) return &merge;
    }
  }

 private:
  static constexpr int32_t kEmpty = -1;
  static size_t Hash(int32_t left, int32_t right) {
    // Fibonacci hashing (Knuth, volume 3, 6.4): the high bits of the product are well mixed.
    const uint64_t key = static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
    return static_cast<size_t>((key * 0x9E3779B97F4A7C15u) >> 32);
  }

  std::vector<Merge> slots_;
  size_t mask_;
};

}  // namespace w8a16
