#include "text/jinja/tests.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "text/jinja/bound.h"
#include "text/jinja/filters.h"
#include "text/jinja/operations.h"
#include "text/jinja/python_text.h"

namespace w8a16::jinja {
namespace {

struct Entry {
  std::string_view name;
  TestFunction function;
};

template <bool (*Holds)(const Value&)>
bool Plain(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the test", arguments, {});
  return Holds(value);
}

bool IsDefined(const Value& v) { return !v.IsUndefined(); }
bool IsUndefined(const Value& v) { return v.IsUndefined(); }
bool IsNone(const Value& v) { return v.IsNone(); }
bool IsString(const Value& v) { return v.text() != nullptr; }
bool IsMapping(const Value& v) { return v.dict() != nullptr; }
// What has a length and items: Jinja's undefined value does, too.
bool IsSequence(const Value& v) { return IsString(v) || v.list() != nullptr || IsMapping(v) || v.IsUndefined(); }
bool IsBoolean(const Value& v) { return v.IsBool(); }
bool IsTrue(const Value& v) { return v.IsBool() && v.As<bool>(); }
bool IsFalse(const Value& v) { return v.IsBool() && !v.As<bool>(); }
bool IsNumber(const Value& v) { return v.IsNumber(); }
bool IsInteger(const Value& v) { return v.Is<int64_t>(); }
bool IsFloat(const Value& v) { return v.Is<double>(); }
bool IsCallable(const Value& v) { return v.method() != nullptr || (v.object() != nullptr && v.object()->callable()); }
// Nothing is marked as safe here: there is no escaping.
bool IsEscaped(const Value& /*v*/) { return false; }

template <bool kUpper>
bool HasCase(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the test", arguments, {});
  const std::string text = ToText(runtime, value);
  return text == (kUpper ? UpperCase(text) : LowerCase(text)) && UpperCase(text) != LowerCase(text);
}

template <int64_t kRest>
bool HasRest(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the test", arguments, {});
  return Equal(runtime, Compute(runtime, Arithmetic::kModulo, value, int64_t{2}), kRest);
}

bool DivisibleBy(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the test 'divisibleby'", arguments, {"num"}, 1);
  return Equal(runtime, Compute(runtime, Arithmetic::kModulo, value, bound[0]), int64_t{0});
}

template <bool (*Holds)(Runtime&, const Value&, const Value&)>
bool Against(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the test", arguments, {"other"}, 1);
  return Holds(runtime, value, bound[0]);
}

bool Differs(Runtime& runtime, const Value& a, const Value& b) { return !Equal(runtime, a, b); }
bool Greater(Runtime& runtime, const Value& a, const Value& b) { return Less(runtime, b, a); }
bool LessOrEqual(Runtime& runtime, const Value& a, const Value& b) { return !Less(runtime, b, a); }
bool GreaterOrEqual(Runtime& runtime, const Value& a, const Value& b) { return !Less(runtime, a, b); }
bool In(Runtime& runtime, const Value& a, const Value& b) { return Contains(runtime, b, a); }
// Numbers and texts have no identity here.
bool SameAs(Runtime& runtime, const Value& a, const Value& b) {
  return a.TypeName() == b.TypeName() && Equal(runtime, a, b);
}

template <auto Find>
bool IsName(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the test", arguments, {});
  return value.text() != nullptr && Find(*value.text()) != nullptr;
}

constexpr std::array kTests = {
    Entry{"defined", Plain<IsDefined>},
    Entry{"undefined", Plain<IsUndefined>},
    Entry{"none", Plain<IsNone>},
    Entry{"string", Plain<IsString>},
    Entry{"mapping", Plain<IsMapping>},
    Entry{"sequence", Plain<IsSequence>},
    Entry{"iterable", Plain<IsSequence>},
    Entry{"boolean", Plain<IsBoolean>},
    Entry{"true", Plain<IsTrue>},
    Entry{"false", Plain<IsFalse>},
    Entry{"number", Plain<IsNumber>},
    Entry{"integer", Plain<IsInteger>},
    Entry{"float", Plain<IsFloat>},
    Entry{"callable", Plain<IsCallable>},
    Entry{"escaped", Plain<IsEscaped>},
    Entry{"upper", HasCase<true>},
    Entry{"lower", HasCase<false>},
    Entry{"odd", HasRest<1>},
    Entry{"even", HasRest<0>},
    Entry{"divisibleby", DivisibleBy},
    Entry{"equalto", Against<Equal>},
    Entry{"eq", Against<Equal>},
    Entry{"==", Against<Equal>},
    Entry{"ne", Against<Differs>},
    Entry{"!=", Against<Differs>},
    Entry{"lt", Against<Less>},
    Entry{"lessthan", Against<Less>},
    Entry{"<", Against<Less>},
    Entry{"le", Against<LessOrEqual>},
    Entry{"<=", Against<LessOrEqual>},
    Entry{"gt", Against<Greater>},
    Entry{"greaterthan", Against<Greater>},
    Entry{">", Against<Greater>},
    Entry{"ge", Against<GreaterOrEqual>},
    Entry{">=", Against<GreaterOrEqual>},
    Entry{"in", Against<In>},
    Entry{"sameas", Against<SameAs>},
    Entry{"filter", IsName<FindFilter>},
    Entry{"test", IsName<FindTest>},
};

}  // namespace

TestFunction FindTest(std::string_view name) {
  const auto found = std::find_if(kTests.begin(), kTests.end(), [&](const Entry& entry) { return entry.name == name; });
  return found == kTests.end() ? nullptr : found->function;
}

TestFunction RequireTest(Runtime& runtime, std::string_view name) {
  if (const TestFunction test = FindTest(name)) return test;
  std::vector<std::string> names;
  names.reserve(kTests.size());
  for (const Entry& entry : kTests) names.emplace_back(entry.name);
  const std::vector<std::string> near = NearMisses(name, names, 3);
  runtime.Fail(StrCat("there is no test '", name, "'", near.empty() ? "" : "; near: ", Join(near, ", ")));
}

}  // namespace w8a16::jinja
