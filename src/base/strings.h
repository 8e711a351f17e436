#pragma once

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace w8a16 {

/// Everything `<<` can print, one after another.
template <class... Args>
std::string StrCat(const Args&... args) {
  std::ostringstream out;
  (out << ... << args);
  return std::move(out).str();
}

/// The items with `separator` between them.
std::string Join(const std::vector<std::string>& items, std::string_view separator);

/// Up to `count` of `candidates`, closest to `text` by edit distance, none farther than half its length: near misses
/// for messages about unknown names.
std::vector<std::string> NearMisses(std::string_view text, const std::vector<std::string>& candidates, size_t count);

}  // namespace w8a16
