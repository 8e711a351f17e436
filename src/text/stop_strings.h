#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace w8a16 {

/// Watches a text that comes in pieces for strings that end it.
class StopStrings {
 public:
  /// None of `strings` may be empty.
  explicit StopStrings(std::vector<std::string> strings) : strings_(std::move(strings)) {}

  /// The next piece. Returns what is now certain to come before any stop string; the rest is withheld.
  std::string Push(std::string_view piece);
  /// The text ends: returns what was withheld.
  std::string Finish();
  /// A stop string was found: it and what came after it were dropped, and so is all that is pushed from now on.
  bool stopped() const { return stopped_; }

 private:
  std::vector<std::string> strings_;
  std::string held_;  // the end of the text so far, as long as it may be the beginning of a stop string
  bool stopped_ = false;
};

}  // namespace w8a16
