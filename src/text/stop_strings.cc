#include "text/stop_strings.h"

#include <algorithm>
#include <utility>

namespace w8a16 {
namespace {

// The length of the longest end of `text` that `string` begins with, not all of it.
size_t HeldLength(std::string_view text, std::string_view string) {
  for (size_t length = std::min(text.size(), string.size() - 1); length > 0; --length) {
    if (text.ends_with(string.substr(0, length))) return length;
  }
  return 0;
}

}  // namespace

std::string StopStrings::Push(std::string_view piece) {
  if (stopped_) return {};
  held_ += piece;
  size_t found = std::string::npos;
  size_t hold = 0;
  for (const std::string& string : strings_) {
    found = std::min(found, held_.find(string));
    hold = std::max(hold, HeldLength(held_, string));
  }
  if (found == std::string::npos) {
    std::string certain = held_.substr(0, held_.size() - hold);
    held_.erase(0, certain.size());
    return certain;
  }
  stopped_ = true;
  std::string text = std::exchange(held_, {});
  text.resize(found);
  return text;
}

std::string StopStrings::Finish() { return std::exchange(held_, {}); }

}  // namespace w8a16
