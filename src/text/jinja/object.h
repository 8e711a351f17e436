#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/value.h"

namespace w8a16::jinja {

class Runtime;

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> keyword;
};

/// What lives for the whole of a rendering and may be changed or called: a namespace, a macro, a loop, a function.
class Object {
 public:
  Object() = default;
  virtual ~Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  /// "a namespace": for messages.
  virtual std::string_view TypeName() const = 0;
  /// Nothing where it has no such attribute.
  virtual std::optional<Value> Attribute(std::string_view /*name*/) { return std::nullopt; }
  /// Whether the attribute was set.
  virtual bool SetAttribute(std::string_view /*name*/, const Value& /*value*/) { return false; }
  virtual bool callable() const { return false; }
  virtual Value Call(Runtime& runtime, const Arguments& arguments);
};

}  // namespace w8a16::jinja
