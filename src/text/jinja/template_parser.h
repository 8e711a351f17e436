#pragma once

#include <string_view>

#include "text/jinja/statements.h"

namespace w8a16::jinja {

/// Reads a template. Throws Error "SOURCE: line N: ..." for what is malformed or not supported.
Block ParseTemplate(std::string_view text, std::string_view source);

}  // namespace w8a16::jinja
