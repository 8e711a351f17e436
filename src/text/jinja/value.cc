#include "text/jinja/value.h"

#include "text/jinja/object.h"

namespace w8a16::jinja {

int Value::depth() const {
  if (const List* l = list()) return l->depth;
  if (const Dict* d = dict()) return d->depth;
  if (const Method* m = method()) return m->self.depth() + 1;
  return 0;
}

std::string_view Value::TypeName() const {
  if (IsNone()) return "None";
  if (IsUndefined()) return "an undefined value";
  if (IsBool()) return "a boolean";
  if (Is<int64_t>()) return "an integer";
  if (Is<double>()) return "a float";
  if (text() != nullptr) return "a string";
  if (list() != nullptr) return list()->tuple ? "a tuple" : "a list";
  if (dict() != nullptr) return "a dict";
  if (method() != nullptr) return "a method";
  return object()->TypeName();
}

const Value* Dict::Find(std::string_view key) const {
  for (const auto& [name, value] : items) {
    if (const std::string* text = name.text(); text != nullptr && *text == key) return &value;
  }
  return nullptr;
}

}  // namespace w8a16::jinja
