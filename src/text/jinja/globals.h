#pragma once

#include "text/jinja/runtime.h"

namespace w8a16::jinja {

/// Sets the functions that every template of transformers sees: namespace, range, dict, raise_exception and
/// strftime_now.
void SetGlobals(Runtime& runtime, Scope& scope);

}  // namespace w8a16::jinja
