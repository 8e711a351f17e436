#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace w8a16 {

/// A regular expression of a tokenizer.json. Those are written for Oniguruma; this is PCRE2 with Unicode properties,
/// and what Oniguruma reads differently is translated (\w, \h) or refused (set operations inside brackets).
class Regex {
 public:
  struct Match {
    size_t begin;
    size_t end;
  };

  /// Throws Error with the place and PCRE2's reason for a malformed expression.
  explicit Regex(std::string_view pattern);

  /// The leftmost match at or after `start` of well-formed UTF-8. May be called from several threads at once. Throws
  /// Error where the expression backtracks without end.
  std::optional<Match> Find(std::string_view text, size_t start) const;

 private:
  std::string pattern_;
  std::shared_ptr<void> code_;
};

}  // namespace w8a16
