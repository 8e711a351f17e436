#pragma once

#include <regex>
#include <string>
#include <string_view>
#include <vector>

namespace w8a16 {

/// The names of modules that a user wants left alone: child names ("lm_head"), full dotted names ("decoder.lm_head"),
/// or "re:PATTERN", matched against full names from their start. What is below a named module is excluded too.
class Exclusion {
 public:
  /// Throws Error where a pattern is not a regular expression.
  explicit Exclusion(const std::vector<std::string>& names);

  /// The name that excludes the module `full_name`; null where none does. Remembers that it matched.
  const std::string* Match(std::string_view full_name);

  /// One sentence for each name that Match never returned, with near misses among `module_names` (full names).
  std::vector<std::string> Warnings(const std::vector<std::string>& module_names) const;

 private:
  struct Name {
    std::string text;
    bool is_pattern = false;
    std::regex pattern;
    bool matched = false;
  };
  std::vector<Name> names_;
};

}  // namespace w8a16
