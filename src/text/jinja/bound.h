#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace w8a16::jinja {

/// The arguments of a call in the order of a function's parameters. Throws Error, naming `function`, for too many, too
/// few, unknown or repeated ones, and where one has the wrong type.
class Bound {
 public:
  /// The first `required` parameters must be given.
  Bound(Runtime& runtime, std::string_view function, const Arguments& arguments,
        std::initializer_list<std::string_view> parameters, size_t required = 0);

  bool Has(size_t index) const { return values_[index].has_value(); }
  const Value& operator[](size_t index) const { return *values_[index]; }

  Value Or(size_t index, Value otherwise) const { return Has(index) ? *values_[index] : std::move(otherwise); }
  const std::string& Text(size_t index) const;
  std::string TextOr(size_t index, std::string_view otherwise) const;
  int64_t IntegerOr(size_t index, int64_t otherwise) const;
  bool BoolOr(size_t index, bool otherwise) const;
  /// How many at most: the argument where it is given and not negative, else no limit.
  size_t CountOr(size_t index) const;

  [[noreturn]] void Fail(std::string_view message) const;

 private:
  [[noreturn]] void FailType(size_t index, std::string_view expected) const;

  Runtime& runtime_;
  std::string_view function_;
  std::vector<std::string_view> parameters_;
  std::vector<std::optional<Value>> values_;
};

}  // namespace w8a16::jinja
