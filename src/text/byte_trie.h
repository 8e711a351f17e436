#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace w8a16 {

/// A set of texts with a value for each, searched byte by byte. The children of a node lie side by side, so that a step
/// is one search in a few consecutive bytes; all nodes take nine bytes.
class ByteTrie {
 public:
  using Entry = std::pair<std::string_view, int32_t>;
  static constexpr uint32_t kRoot = 0;
  static constexpr uint32_t kNoNode = 0;  // the root is nobody's child
  static constexpr int32_t kNoValue = -1;

  ByteTrie() : ByteTrie(std::vector<Entry>{}) {}
  /// Values are not negative. Of equal texts the first one counts; the empty text is left out.
  explicit ByteTrie(std::vector<Entry> entries);

  bool empty() const { return values_.size() == 1; }

  /// The node behind `byte`, or kNoNode.
  uint32_t Child(uint32_t node, char byte) const {
    const uint32_t begin = first_child_[node];
    const uint32_t end = first_child_[node + 1];
    if (begin == end) return kNoNode;
    const void* found = std::memchr(labels_.data() + begin, static_cast<unsigned char>(byte), end - begin);
    return found == nullptr ? kNoNode : static_cast<uint32_t>(static_cast<const char*>(found) - labels_.data());
  }

  /// The value of the text that ends at `node`, or kNoValue.
  int32_t Value(uint32_t node) const { return values_[node]; }

  struct Match {
    int32_t value;
    size_t end;
  };
  /// The longest text that stands at `position` of `text`; its value is kNoValue where there is none.
  Match Longest(std::string_view text, size_t position) const {
    Match best{kNoValue, position};
    uint32_t node = kRoot;
    for (size_t i = position; i < text.size(); ++i) {
      node = Child(node, text[i]);
      if (node == kNoNode) break;
      if (values_[node] != kNoValue) best = {values_[node], i + 1};
    }
    return best;
  }

 private:
  // Node n has the children first_child_[n] to first_child_[n + 1] - 1: nodes are numbered level by level.
  std::vector<uint32_t> first_child_;
  std::vector<char> labels_;
  std::vector<int32_t> values_;
};

}  // namespace w8a16
