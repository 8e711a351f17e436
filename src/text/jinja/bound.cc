#include "text/jinja/bound.h"

#include <algorithm>

#include "base/strings.h"
#include "text/jinja/operations.h"

namespace w8a16::jinja {

Bound::Bound(Runtime& runtime, std::string_view function, const Arguments& arguments,
             std::initializer_list<std::string_view> parameters, size_t required)
    : runtime_(runtime), function_(function), parameters_(parameters), values_(parameters.size()) {
  if (arguments.positional.size() > parameters_.size()) {
    Fail(StrCat("takes at most ", parameters_.size(), " arguments, not ", arguments.positional.size()));
  }
  std::copy(arguments.positional.begin(), arguments.positional.end(), values_.begin());
  for (const auto& [name, value] : arguments.keyword) {
    const auto found = std::find(parameters_.begin(), parameters_.end(), name);
    if (found == parameters_.end()) Fail(StrCat("has no argument '", name, "'"));
    std::optional<Value>& slot = values_[static_cast<size_t>(found - parameters_.begin())];
    if (slot) Fail(StrCat("was given the argument '", name, "' twice"));
    slot = value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (!values_[i]) Fail(StrCat("needs the argument '", parameters_[i], "'"));
  }
}

void Bound::Fail(std::string_view message) const { runtime_.Fail(StrCat(function_, " ", message)); }

void Bound::FailType(size_t index, std::string_view expected) const {
  RequireDefined(runtime_, *values_[index]);
  Fail(StrCat("takes ", expected, " as '", parameters_[index], "', not ", values_[index]->TypeName()));
}

const std::string& Bound::Text(size_t index) const {
  const std::string* text = values_[index]->text();
  if (text == nullptr) FailType(index, "a string");
  return *text;
}

std::string Bound::TextOr(size_t index, std::string_view otherwise) const {
  return Has(index) && !values_[index]->IsNone() ? Text(index) : std::string(otherwise);
}

int64_t Bound::IntegerOr(size_t index, int64_t otherwise) const {
  if (!Has(index) || values_[index]->IsNone()) return otherwise;
  const auto integer = AsInteger(*values_[index]);
  if (!integer) FailType(index, "a whole number");
  return *integer;
}

bool Bound::BoolOr(size_t index, bool otherwise) const { return Has(index) ? Truthy(*values_[index]) : otherwise; }

size_t Bound::CountOr(size_t index) const {
  const int64_t count = IntegerOr(index, -1);
  return count < 0 ? SIZE_MAX : static_cast<size_t>(count);
}

}  // namespace w8a16::jinja
