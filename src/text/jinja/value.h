#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace w8a16::jinja {

class Object;
class Value;

/// A name or member that is not there. It prints as nothing; most uses are errors that say `what`.
struct Undefined {
  std::shared_ptr<const std::string> what;
};

struct List;
struct Dict;
struct Method;
using TextPtr = std::shared_ptr<const std::string>;
using ListPtr = std::shared_ptr<const List>;
using DictPtr = std::shared_ptr<const Dict>;
using MethodPtr = std::shared_ptr<const Method>;

/// A value of a template: None, undefined, a boolean, a number, text, a list (or tuple), a dict, a method of one of
/// these, or an object of the rendering (a namespace, a macro, a loop), which the Runtime owns. Values never change;
/// objects may. Since lists and dicts are made of values that exist already, there are no cycles.
class Value {
 public:
  Value() = default;                                           ///< None
  Value(Undefined undefined) : data_(std::move(undefined)) {}  // NOLINT(google-explicit-constructor)
  Value(bool b) : data_(b) {}                                  // NOLINT(google-explicit-constructor)
  Value(int64_t i) : data_(i) {}                               // NOLINT(google-explicit-constructor)
  Value(double d) : data_(d) {}                                // NOLINT(google-explicit-constructor)
  Value(std::string text) : data_(std::make_shared<std::string>(std::move(text))) {}  // NOLINT(google-explicit-*)
  Value(std::string_view text) : Value(std::string(text)) {}  // NOLINT(google-explicit-constructor)
  Value(const char* text) : Value(std::string(text)) {}       // NOLINT(google-explicit-constructor)
  Value(ListPtr list) : data_(std::move(list)) {}             // NOLINT(google-explicit-constructor)
  Value(DictPtr dict) : data_(std::move(dict)) {}             // NOLINT(google-explicit-constructor)
  Value(MethodPtr method) : data_(std::move(method)) {}       // NOLINT(google-explicit-constructor)
  Value(Object* object) : data_(object) {}                    // NOLINT(google-explicit-constructor)

  bool IsNone() const { return std::holds_alternative<std::monostate>(data_); }
  bool IsUndefined() const { return std::holds_alternative<Undefined>(data_); }
  bool IsBool() const { return std::holds_alternative<bool>(data_); }
  bool IsNumber() const { return IsBool() || Is<int64_t>() || Is<double>(); }  ///< a boolean is one in Python
  template <class T>
  bool Is() const {
    return std::holds_alternative<T>(data_);
  }
  template <class T>
  const T& As() const {
    return std::get<T>(data_);
  }

  /// Null where the value is something else.
  const std::string* text() const { return Get<TextPtr, std::string>(); }
  const List* list() const { return Get<ListPtr, List>(); }
  const Dict* dict() const { return Get<DictPtr, Dict>(); }
  const Method* method() const { return Get<MethodPtr, Method>(); }
  Object* object() const { return Is<Object*>() ? As<Object*>() : nullptr; }

  /// How deeply lists and dicts are nested in it; 0 for what holds no values.
  int depth() const;
  /// "a list", "None", ...: for messages.
  std::string_view TypeName() const;

 private:
  template <class Pointer, class T>
  const T* Get() const {
    return Is<Pointer>() ? As<Pointer>().get() : nullptr;
  }

  std::variant<std::monostate, Undefined, bool, int64_t, double, TextPtr, ListPtr, DictPtr, MethodPtr, Object*> data_;
};

struct List {
  std::vector<Value> items;
  bool tuple = false;  ///< prints in parentheses, and equals no list
  int depth = 1;
};

struct Dict {
  std::vector<std::pair<Value, Value>> items;  ///< in order of insertion; keys are None, booleans, numbers or text
  int depth = 1;

  /// Null where there is none.
  const Value* Find(std::string_view key) const;
};

/// A method that has not been called yet.
struct Method {
  Value self;
  std::string name;
};

}  // namespace w8a16::jinja
