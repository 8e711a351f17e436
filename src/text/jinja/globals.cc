#include "text/jinja/globals.h"

#include <array>
#include <functional>
#include <map>
#include <utility>

#include "base/strings.h"
#include "text/jinja/bound.h"
#include "text/jinja/operations.h"

namespace w8a16::jinja {
namespace {

/// What namespace() gives: members that can be set from inside a loop.
class Namespace : public Object {
 public:
  using Members = std::map<std::string, Value, std::less<>>;
  explicit Namespace(Members members) : members_(std::move(members)) {}

  std::string_view TypeName() const override { return "a namespace"; }

  std::optional<Value> Attribute(std::string_view name) override {
    const auto found = members_.find(name);
    return found == members_.end() ? std::nullopt : std::optional(found->second);
  }

  bool SetAttribute(std::string_view name, const Value& value) override {
    members_.insert_or_assign(std::string(name), value);
    return true;
  }

 private:
  Members members_;
};

class Function : public Object {
 public:
  using Body = Value (*)(Runtime& runtime, const Arguments& arguments);
  explicit Function(Body body) : body_(body) {}
  std::string_view TypeName() const override { return "a function"; }
  bool callable() const override { return true; }
  Value Call(Runtime& runtime, const Arguments& arguments) override { return body_(runtime, arguments); }

 private:
  Body body_;
};

// The members of a dict, then the arguments with a name.
std::vector<std::pair<Value, Value>> Members(Runtime& runtime, std::string_view function, const Arguments& arguments) {
  std::vector<std::pair<Value, Value>> members;
  if (arguments.positional.size() > 1) runtime.Fail(StrCat(function, " takes at most one dict"));
  if (!arguments.positional.empty()) {
    const Dict* dict = arguments.positional[0].dict();
    RequireDefined(runtime, arguments.positional[0]);
    if (dict == nullptr) runtime.Fail(StrCat(function, " takes a dict, not ", arguments.positional[0].TypeName()));
    members = dict->items;
  }
  for (const auto& [name, value] : arguments.keyword) members.emplace_back(Value(name), value);
  return members;
}

Value MakeNamespace(Runtime& runtime, const Arguments& arguments) {
  Namespace::Members members;
  const Value dict = runtime.MakeDict(Members(runtime, "namespace()", arguments));
  for (const auto& [key, value] : dict.dict()->items) members.insert_or_assign(ToText(runtime, key), value);
  return Value(runtime.Own<Namespace>(std::move(members)));
}

Value MakeDictOf(Runtime& runtime, const Arguments& arguments) {
  return runtime.MakeDict(Members(runtime, "dict()", arguments));
}

Value Range(Runtime& runtime, const Arguments& arguments) {
  // What Jinja's sandbox allows.
  constexpr int64_t kMost = 100'000;
  const Bound bound(runtime, "range()", arguments, {"start", "stop", "step"}, 1);
  const int64_t first = bound.Has(1) ? bound.IntegerOr(0, 0) : 0;
  const int64_t last = bound.Has(1) ? bound.IntegerOr(1, 0) : bound.IntegerOr(0, 0);
  const int64_t step = bound.IntegerOr(2, 1);
  if (step == 0) bound.Fail("needs a step other than 0");
  std::vector<Value> items;
  int64_t at = first;
  bool overflow = false;
  while (!overflow && (step > 0 ? at < last : at > last)) {
    if (static_cast<int64_t>(items.size()) == kMost) bound.Fail(StrCat("of more than ", kMost, " numbers"));
    items.emplace_back(at);
    overflow = __builtin_add_overflow(at, step, &at);
  }
  return runtime.MakeList(std::move(items));
}

Value RaiseException(Runtime& runtime, const Arguments& arguments) {
  const Bound bound(runtime, "raise_exception()", arguments, {"message"}, 1);
  runtime.Fail(ToText(runtime, bound[0]));
}

Value StrftimeNow(Runtime& runtime, const Arguments& arguments) {
  const Bound bound(runtime, "strftime_now()", arguments, {"format"}, 1);
  std::array<char, 1024> buffer{};
  // strftime gives 0 for a text that is too long as well as for an empty one.
  const std::string format = bound.Text(0) + "!";
  const size_t length = std::strftime(buffer.data(), buffer.size(), format.c_str(), &runtime.now());
  if (length == 0) bound.Fail("takes formats that give at most 1000 characters");
  return runtime.MakeText(std::string(buffer.data(), length - 1));
}

}  // namespace

void SetGlobals(Runtime& runtime, Scope& scope) {
  const auto set = [&](std::string_view name, Function::Body body) {
    scope.Set(name, Value(runtime.Own<Function>(body)));
  };
  set("namespace", MakeNamespace);
  set("dict", MakeDictOf);
  set("range", Range);
  set("raise_exception", RaiseException);
  set("strftime_now", StrftimeNow);
}

}  // namespace w8a16::jinja
