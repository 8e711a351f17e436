#pragma once

#include "text/json_node.h"

namespace w8a16 {

/// Where Metaspace puts its character before text that does not begin with it. Pre-tokenizer and decoder share it.
enum class PrependScheme { kFirst, kNever, kAlways };

/// From `prepend_scheme`, or, in older files, from `add_prefix_space`. Throws Error where the two contradict each
/// other.
PrependScheme ParsePrependScheme(const JsonNode& metaspace);

}  // namespace w8a16
