#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "text/json_node.h"
#include "text/regex.h"

namespace w8a16 {

/// What `{"String": "..."}` or `{"Regex": "..."}` matches.
class Pattern {
 public:
  explicit Pattern(std::string literal) : pattern_(std::move(literal)) {}
  explicit Pattern(Regex regex) : pattern_(std::move(regex)) {}
  /// Throws Error naming the key for anything else, and for a malformed regular expression.
  static Pattern Parse(const JsonNode& node);

  /// Appends to `out` the matches in `text`, leftmost first, without overlap; empty matches stand between characters,
  /// and never right behind another match. An empty literal matches nowhere.
  void FindAll(std::string_view text, std::vector<Regex::Match>& out) const;

  /// `text` with `content` for each match.
  std::string Replace(std::string_view text, std::string_view content) const;

 private:
  std::variant<std::string, Regex> pattern_;
};

}  // namespace w8a16
