#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

namespace w8a16 {

/// A piece of a page that is XML and HTML at once. String literals are markup, all else is text and escaped: the names
/// in a report come from strangers. What no document may hold (invalid UTF-8, control characters) becomes U+FFFD.
class Html {
 public:
  template <size_t N>
  Html& operator<<(const char (&markup)[N]) {
    markup_.append(markup, N - 1);
    return *this;
  }
  Html& operator<<(std::string_view text);
  Html& operator<<(const Html& part) {
    markup_ += part.markup_;
    return *this;
  }
  Html& operator<<(std::integral auto number) { return *this << std::string_view(std::to_string(number)); }

  /// What is markup although it is no literal.
  static Html Trusted(std::string_view markup) {
    Html part;
    part.markup_ = markup;
    return part;
  }

  const std::string& markup() const { return markup_; }

 private:
  std::string markup_;
};

}  // namespace w8a16
