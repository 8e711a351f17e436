#include "text/prepend_scheme.h"

#include <string>
#include <vector>

namespace w8a16 {

PrependScheme ParsePrependScheme(const JsonNode& metaspace) {
  // In the order of PrependScheme.
  static const std::vector<std::string> kNames = {"first", "never", "always"};
  const bool add_prefix_space = metaspace.BoolOr("add_prefix_space", true);
  const auto node = metaspace.Find("prepend_scheme");
  if (!node) return add_prefix_space ? PrependScheme::kAlways : PrependScheme::kNever;
  const auto scheme = static_cast<PrependScheme>(node->OneOf(kNames));
  if (!add_prefix_space && scheme != PrependScheme::kNever) {
    node->Fail("contradicts add_prefix_space = false; \"never\" is the scheme that agrees with it");
  }
  return scheme;
}

}  // namespace w8a16
