#pragma once

#include <string_view>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace w8a16::jinja {

/// value is name(arguments). Null for a name that is not supported.
using TestFunction = bool (*)(Runtime& runtime, const Value& value, const Arguments& arguments);
TestFunction FindTest(std::string_view name);

/// The test, or Error with the names that are near.
TestFunction RequireTest(Runtime& runtime, std::string_view name);

}  // namespace w8a16::jinja
