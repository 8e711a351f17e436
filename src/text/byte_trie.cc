#include "text/byte_trie.h"

#include <algorithm>

namespace w8a16 {

ByteTrie::ByteTrie(std::vector<Entry> entries) {
  std::erase_if(entries, [](const Entry& entry) { return entry.first.empty(); });
  const auto by_text = [](const Entry& a, const Entry& b) { return a.first < b.first; };
  std::stable_sort(entries.begin(), entries.end(), by_text);
  entries.erase(
      std::unique(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.first == b.first; }),
      entries.end());

  // A node is the range of sorted entries that share its `depth` bytes. The queue's order is the numbering.
  struct Range {
    size_t begin, end, depth;
  };
  std::vector<Range> ranges = {{0, entries.size(), 0}};
  labels_.push_back('\0');
  for (size_t node = 0; node < ranges.size(); ++node) {
    auto [begin, end, depth] = ranges[node];
    first_child_.push_back(static_cast<uint32_t>(ranges.size()));
    values_.push_back(kNoValue);
    // Of the texts in the range only the first can end here.
    if (begin < end && entries[begin].first.size() == depth) values_.back() = entries[begin++].second;
    while (begin < end) {
      const char label = entries[begin].first[depth];
      size_t next = begin + 1;
      while (next < end && entries[next].first[depth] == label) ++next;
      ranges.push_back({begin, next, depth + 1});
      labels_.push_back(label);
      begin = next;
    }
  }
  first_child_.push_back(static_cast<uint32_t>(ranges.size()));
}

}  // namespace w8a16
