#include "text/jinja/operations.h"

#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "text/jinja/methods.h"
#include "text/jinja/python_text.h"

namespace w8a16::jinja {
namespace {

[[noreturn]] void FailTypes(Runtime& runtime, std::string_view operation, const Value& a, const Value& b) {
  RequireDefined(runtime, a);
  RequireDefined(runtime, b);
  runtime.Fail(StrCat(operation, " is not possible with ", a.TypeName(), " and ", b.TypeName()));
}

bool EqualItems(Runtime& runtime, const List& a, const List& b) {
  return a.tuple == b.tuple && a.items.size() == b.items.size() &&
         std::equal(a.items.begin(), a.items.end(), b.items.begin(),
                    [&](const Value& x, const Value& y) { return Equal(runtime, x, y); });
}

const Value* FindKey(Runtime& runtime, const Dict& dict, const Value& key) {
  runtime.Spend(dict.items.size());
  for (const auto& [name, value] : dict.items) {
    if (Equal(runtime, name, key)) return &value;
  }
  return nullptr;
}

bool EqualMembers(Runtime& runtime, const Dict& a, const Dict& b) {
  return a.items.size() == b.items.size() && std::all_of(a.items.begin(), a.items.end(), [&](const auto& item) {
           const Value* other = FindKey(runtime, b, item.first);
           return other != nullptr && Equal(runtime, item.second, *other);
         });
}

Value Repeat(Runtime& runtime, const Value& value, int64_t times) {
  const auto count = static_cast<size_t>(std::max<int64_t>(0, times));
  if (const std::string* text = value.text()) {
    // Before the text is made: it may be far too long.
    if (!text->empty()) runtime.SpendText(count > (size_t{1} << 40) / text->size() ? SIZE_MAX : count * text->size());
    std::string out;
    for (size_t i = 0; i < count && !text->empty(); ++i) out += *text;
    return {std::move(out)};
  }
  const List& list = *value.list();
  if (!list.items.empty()) {
    runtime.SpendItems(count > (size_t{1} << 40) / list.items.size() ? SIZE_MAX : count * list.items.size());
  }
  std::vector<Value> items;
  for (size_t i = 0; i < count && !list.items.empty(); ++i) {
    items.insert(items.end(), list.items.begin(), list.items.end());
  }
  return runtime.MakeList(std::move(items), list.tuple);
}

void CheckFits(Runtime& runtime, bool overflow) {
  if (overflow) runtime.Fail("a whole number is larger than 64 bits hold");
}

int64_t IntegerPower(Runtime& runtime, int64_t base, int64_t exponent) {
  int64_t result = 1;
  // Once the result is 0, 1 or -1 for good, or too large, the loop need not run on: 63 doublings are the most.
  if (base == 0 || base == 1) return exponent == 0 ? 1 : base;
  if (base == -1) return exponent % 2 == 0 ? 1 : -1;
  for (int64_t i = 0; i < exponent; ++i) {
    CheckFits(runtime, __builtin_mul_overflow(result, base, &result));
  }
  return result;
}

Value ComputeIntegers(Runtime& runtime, Arithmetic operation, int64_t a, int64_t b) {
  int64_t result = 0;
  if (b == 0 &&
      (operation == Arithmetic::kDivide || operation == Arithmetic::kFloorDivide || operation == Arithmetic::kModulo)) {
    runtime.Fail("division by zero");
  }
  switch (operation) {
    case Arithmetic::kAdd:
      CheckFits(runtime, __builtin_add_overflow(a, b, &result));
      return result;
    case Arithmetic::kSubtract:
      CheckFits(runtime, __builtin_sub_overflow(a, b, &result));
      return result;
    case Arithmetic::kMultiply:
      CheckFits(runtime, __builtin_mul_overflow(a, b, &result));
      return result;
    case Arithmetic::kDivide:
      return static_cast<double>(a) / static_cast<double>(b);
    case Arithmetic::kPower:
      if (b >= 0) return IntegerPower(runtime, a, b);
      if (a == 0) runtime.Fail("division by zero");
      return std::pow(static_cast<double>(a), static_cast<double>(b));
    default:
      break;
  }
  CheckFits(runtime, a == INT64_MIN && b == -1);
  // Python rounds the quotient down, C++ towards zero.
  const bool below = a % b != 0 && (a < 0) != (b < 0);
  if (operation == Arithmetic::kFloorDivide) return a / b - (below ? 1 : 0);
  return a % b + (below ? b : 0);
}

Value ComputeFloats(Runtime& runtime, Arithmetic operation, double a, double b) {
  const bool divides =
      operation == Arithmetic::kDivide || operation == Arithmetic::kFloorDivide || operation == Arithmetic::kModulo;
  if (b == 0 && divides) runtime.Fail("division by zero");
  switch (operation) {
    case Arithmetic::kAdd:
      return a + b;
    case Arithmetic::kSubtract:
      return a - b;
    case Arithmetic::kMultiply:
      return a * b;
    case Arithmetic::kDivide:
      return a / b;
    case Arithmetic::kFloorDivide:
      return std::floor(a / b);
    case Arithmetic::kModulo: {
      const double rest = std::fmod(a, b);
      return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
    }
    case Arithmetic::kPower:
      break;
  }
  return std::pow(a, b);
}

std::string_view OperationName(Arithmetic operation) {
  switch (operation) {
    case Arithmetic::kAdd:
      return "+";
    case Arithmetic::kSubtract:
      return "-";
    case Arithmetic::kMultiply:
      return "*";
    case Arithmetic::kDivide:
      return "/";
    case Arithmetic::kFloorDivide:
      return "//";
    case Arithmetic::kModulo:
      return "%";
    case Arithmetic::kPower:
      break;
  }
  return "**";
}

Value Concatenate(Runtime& runtime, const List& a, const List& b) {
  std::vector<Value> items = a.items;
  items.insert(items.end(), b.items.begin(), b.items.end());
  return runtime.MakeList(std::move(items), a.tuple);
}

Arguments PercentArguments(const Value& value) {
  if (const List* list = value.list(); list != nullptr && list->tuple) return {list->items, {}};
  return {{value}, {}};
}

}  // namespace

void RequireDefined(Runtime& runtime, const Value& value) {
  if (value.IsUndefined()) runtime.Fail(*value.As<Undefined>().what);
}

double AsDouble(const Value& number) {
  if (number.IsBool()) return number.As<bool>() ? 1 : 0;
  return number.Is<int64_t>() ? static_cast<double>(number.As<int64_t>()) : number.As<double>();
}

std::optional<int64_t> AsInteger(const Value& value) {
  if (value.IsBool()) return value.As<bool>() ? 1 : 0;
  if (value.Is<int64_t>()) return value.As<int64_t>();
  return std::nullopt;
}

bool Truthy(const Value& value) {
  if (value.IsNone() || value.IsUndefined()) return false;
  if (value.IsNumber()) return AsDouble(value) != 0;
  if (const std::string* text = value.text()) return !text->empty();
  if (const List* list = value.list()) return !list->items.empty();
  if (const Dict* dict = value.dict()) return !dict->items.empty();
  return true;
}

bool Equal(Runtime& runtime, const Value& a, const Value& b) {
  runtime.Spend(1);
  if (a.IsNumber() && b.IsNumber()) {
    const auto x = AsInteger(a);
    const auto y = AsInteger(b);
    return x && y ? *x == *y : AsDouble(a) == AsDouble(b);
  }
  if (a.text() != nullptr && b.text() != nullptr) return *a.text() == *b.text();
  if (a.list() != nullptr && b.list() != nullptr) return EqualItems(runtime, *a.list(), *b.list());
  if (a.dict() != nullptr && b.dict() != nullptr) return EqualMembers(runtime, *a.dict(), *b.dict());
  if (a.IsNone() || a.IsUndefined()) return a.IsNone() == b.IsNone() && a.IsUndefined() == b.IsUndefined();
  return a.object() != nullptr && a.object() == b.object();
}

bool Less(Runtime& runtime, const Value& a, const Value& b) {
  runtime.Spend(1);
  if (a.IsNumber() && b.IsNumber()) {
    const auto x = AsInteger(a);
    const auto y = AsInteger(b);
    return x && y ? *x < *y : AsDouble(a) < AsDouble(b);
  }
  // The bytes of UTF-8 stand in the order of the characters.
  if (a.text() != nullptr && b.text() != nullptr) return *a.text() < *b.text();
  if (a.list() != nullptr && b.list() != nullptr && a.list()->tuple == b.list()->tuple) {
    const std::vector<Value>& x = a.list()->items;
    const std::vector<Value>& y = b.list()->items;
    for (size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
      if (!Equal(runtime, x[i], y[i])) return Less(runtime, x[i], y[i]);
    }
    return x.size() < y.size();
  }
  FailTypes(runtime, "a comparison", a, b);
}

bool Contains(Runtime& runtime, const Value& container, const Value& item) {
  if (const std::string* text = container.text()) {
    if (item.text() == nullptr) FailTypes(runtime, "'in'", item, container);
    runtime.SpendText(text->size());
    return FindText(*text, *item.text()) != std::string::npos;
  }
  if (const Dict* dict = container.dict()) return FindKey(runtime, *dict, item) != nullptr;
  if (const List* list = container.list()) {
    return std::any_of(list->items.begin(), list->items.end(),
                       [&](const Value& value) { return Equal(runtime, value, item); });
  }
  if (container.IsUndefined()) return false;
  FailTypes(runtime, "'in'", item, container);
}

Value Compute(Runtime& runtime, Arithmetic operation, const Value& a, const Value& b) {
  const auto x = AsInteger(a);
  const auto y = AsInteger(b);
  if (x && y) return ComputeIntegers(runtime, operation, *x, *y);
  if (a.IsNumber() && b.IsNumber()) return ComputeFloats(runtime, operation, AsDouble(a), AsDouble(b));
  const auto repeats = [](const Value& value) { return value.text() != nullptr || value.list() != nullptr; };
  if (operation == Arithmetic::kAdd && a.text() != nullptr && b.text() != nullptr) {
    return runtime.MakeText(*a.text() + *b.text());
  }
  if (operation == Arithmetic::kAdd && a.list() != nullptr && b.list() != nullptr &&
      a.list()->tuple == b.list()->tuple) {
    return Concatenate(runtime, *a.list(), *b.list());
  }
  if (operation == Arithmetic::kMultiply && repeats(a) && y) return Repeat(runtime, a, *y);
  if (operation == Arithmetic::kMultiply && repeats(b) && x) return Repeat(runtime, b, *x);
  if (operation == Arithmetic::kModulo && a.text() != nullptr) {
    return FormatPercent(runtime, *a.text(), PercentArguments(b));
  }
  FailTypes(runtime, OperationName(operation), a, b);
}

Value Negate(Runtime& runtime, const Value& value) {
  if (value.Is<double>()) return -value.As<double>();
  const auto integer = AsInteger(value);
  if (!integer) FailTypes(runtime, "-", value, value);
  return ComputeIntegers(runtime, Arithmetic::kSubtract, 0, *integer);
}

size_t Length(Runtime& runtime, const Value& value) {
  if (const std::string* text = value.text()) {
    runtime.SpendText(text->size());
    return CharacterCount(*text);
  }
  if (const List* list = value.list()) return list->items.size();
  if (const Dict* dict = value.dict()) return dict->items.size();
  if (value.IsUndefined()) return 0;
  runtime.Fail(StrCat(value.TypeName(), " has no length"));
}

std::vector<Value> Iterate(Runtime& runtime, const Value& value) {
  if (const List* list = value.list()) {
    runtime.Spend(list->items.size());
    return list->items;
  }
  std::vector<Value> items;
  if (const Dict* dict = value.dict()) {
    runtime.Spend(dict->items.size());
    for (const auto& item : dict->items) items.push_back(item.first);
  } else if (const std::string* text = value.text()) {
    runtime.Spend(text->size());
    for (const std::string_view character : Characters(*text)) items.emplace_back(character);
  } else if (!value.IsUndefined()) {
    runtime.Fail(StrCat(value.TypeName(), " cannot be looped over"));
  }
  return items;
}

Value Member(Runtime& runtime, const Value& value, std::string_view name) {
  RequireDefined(runtime, value);
  if (HasMethod(value, name)) return MethodPtr(std::make_shared<Method>(Method{value, std::string(name)}));
  if (const Dict* dict = value.dict()) {
    runtime.Spend(dict->items.size());
    if (const Value* member = dict->Find(name)) return *member;
  }
  if (Object* object = value.object()) {
    if (auto attribute = object->Attribute(name)) return *attribute;
  }
  return Undefined{std::make_shared<std::string>(StrCat(value.TypeName(), " has no member '", name, "'"))};
}

Value Subscript(Runtime& runtime, const Value& value, const Value& key) {
  RequireDefined(runtime, value);
  RequireDefined(runtime, key);
  if (const Dict* dict = value.dict()) {
    if (const Value* member = FindKey(runtime, *dict, key)) return *member;
  } else if (const auto index = AsInteger(key); index && (value.list() != nullptr || value.text() != nullptr)) {
    const auto size = static_cast<int64_t>(Length(runtime, value));
    const int64_t position = *index < 0 ? *index + size : *index;
    if (position >= 0 && position < size) {
      if (const List* list = value.list()) return list->items[static_cast<size_t>(position)];
      return runtime.MakeText(std::string(Characters(*value.text())[static_cast<size_t>(position)]));
    }
  }
  if (const std::string* name = key.text(); name != nullptr) return Member(runtime, value, *name);
  return Undefined{std::make_shared<std::string>(StrCat(value.TypeName(), " has no item ", ToRepr(runtime, key)))};
}

Value Slice(Runtime& runtime, const Value& value, const Value& begin, const Value& end, const Value& step) {
  RequireDefined(runtime, value);
  if (value.list() == nullptr && value.text() == nullptr) runtime.Fail(StrCat(value.TypeName(), " cannot be sliced"));
  const auto size = static_cast<int64_t>(Length(runtime, value));
  const auto given = [&](const Value& part, int64_t otherwise, int64_t low, int64_t high) {
    if (part.IsNone()) return otherwise;
    const auto index = AsInteger(part);
    if (!index) runtime.Fail(StrCat("a slice takes whole numbers, not ", part.TypeName()));
    return std::clamp(*index < 0 ? *index + size : *index, low, high);
  };
  const int64_t stride = step.IsNone() ? 1 : AsInteger(step).value_or(0);
  if (stride == 0) runtime.Fail("the step of a slice must be a whole number other than 0");
  const int64_t low = stride > 0 ? 0 : -1;
  const int64_t high = stride > 0 ? size : size - 1;
  const int64_t first = given(begin, stride > 0 ? low : high, low, high);
  const int64_t last = given(end, stride > 0 ? high : low, low, high);

  const std::vector<std::string_view> characters =
      value.text() != nullptr ? Characters(*value.text()) : std::vector<std::string_view>();
  runtime.Spend(characters.size());
  std::string text;
  std::vector<Value> items;
  // Steps beyond the size reach no second item, and would overflow.
  const int64_t move = std::clamp(stride, -size - 1, size + 1);
  for (int64_t i = first; stride > 0 ? i < last : i > last; i += move) {
    if (value.text() != nullptr) {
      text += characters[static_cast<size_t>(i)];
    } else {
      items.push_back(value.list()->items[static_cast<size_t>(i)]);
    }
  }
  if (value.text() != nullptr) return runtime.MakeText(std::move(text));
  return runtime.MakeList(std::move(items), value.list()->tuple);
}

}  // namespace w8a16::jinja
