#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace w8a16::jinja {

// What Python's operators and built-in functions do to values. All throw Error, naming line and types, where Python
// raises an exception; an undefined value is such an error wherever Jinja's Undefined has it so.

bool Truthy(const Value& value);
bool Equal(Runtime& runtime, const Value& a, const Value& b);
bool Less(Runtime& runtime, const Value& a, const Value& b);
bool Contains(Runtime& runtime, const Value& container, const Value& item);

enum class Arithmetic : uint8_t { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo, kPower };
Value Compute(Runtime& runtime, Arithmetic operation, const Value& a, const Value& b);
Value Negate(Runtime& runtime, const Value& value);
/// text % arguments.
Value FormatPercent(Runtime& runtime, std::string_view format, const Arguments& arguments);

/// str(value) and repr(value).
std::string ToText(Runtime& runtime, const Value& value);
std::string ToRepr(Runtime& runtime, const Value& value);

struct JsonStyle {
  bool ascii = false;
  bool sort_keys = false;
  std::optional<std::string> indent;  ///< one level of it; nothing: all on one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};
/// json.dumps(value).
std::string ToJson(Runtime& runtime, const Value& value, const JsonStyle& style);

size_t Length(Runtime& runtime, const Value& value);
/// What a loop over the value gives: items, keys or characters.
std::vector<Value> Iterate(Runtime& runtime, const Value& value);
/// value.name
Value Member(Runtime& runtime, const Value& value, std::string_view name);
/// value[key]
Value Subscript(Runtime& runtime, const Value& value, const Value& key);
/// value[begin:end:step]; None for what is left out.
Value Slice(Runtime& runtime, const Value& value, const Value& begin, const Value& end, const Value& step);

/// A number as double; of a boolean 0 or 1.
double AsDouble(const Value& number);
/// Of an integer or boolean; nothing for all else.
std::optional<int64_t> AsInteger(const Value& value);

/// Throws Error where the value is undefined.
void RequireDefined(Runtime& runtime, const Value& value);

}  // namespace w8a16::jinja
