#pragma once

#include <string_view>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace w8a16::jinja {

/// value | name(arguments). Null for a name that is not supported.
using FilterFunction = Value (*)(Runtime& runtime, const Value& value, const Arguments& arguments);
FilterFunction FindFilter(std::string_view name);

/// The filter, or Error with the names that are near.
FilterFunction RequireFilter(Runtime& runtime, std::string_view name);

}  // namespace w8a16::jinja
