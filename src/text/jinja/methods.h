#pragma once

#include <string_view>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace w8a16::jinja {

/// Whether `self` (text, a list or a dict) has a method of this name in Python.
bool HasMethod(const Value& self, std::string_view name);

/// Calls it. Throws Error for one that changes its value (templates of transformers may not) or is not supported.
Value CallMethod(Runtime& runtime, const Method& method, const Arguments& arguments);

}  // namespace w8a16::jinja
