#include "text/jinja/filters.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/strings.h"
#include "text/jinja/bound.h"
#include "text/jinja/list_filters.h"
#include "text/jinja/operations.h"
#include "text/jinja/python_text.h"

namespace w8a16::jinja {
namespace {

Value Trim(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'trim'", arguments, {"chars"});
  const std::string text = ToText(runtime, value);
  if (!bound.Has(0) || bound[0].IsNone()) return StripWhitespace(text, StripSide::kBoth);
  runtime.Spend(text.size() + bound.Text(0).size());
  return StripCharacters(text, bound.Text(0), StripSide::kBoth);
}

template <std::string (*Change)(std::string_view)>
Value ChangeText(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter", arguments, {});
  return Change(ToText(runtime, value));
}

Value Replace(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'replace'", arguments, {"old", "new", "count"}, 2);
  const std::string text = ToText(runtime, value);
  const std::string old = ToText(runtime, bound[0]);
  const std::string by = ToText(runtime, bound[1]);
  // The longest it can get.
  runtime.SpendText(text.size() + (text.size() + 1) * by.size() / std::max<size_t>(1, old.size()));
  return ReplaceText(text, old, by, bound.CountOr(2));
}

Value Indent(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'indent'", arguments, {"width", "first", "blank"});
  constexpr int64_t kWidest = 10'000;
  std::string indentation;
  if (bound.Has(0) && bound[0].text() != nullptr) {
    indentation = bound.Text(0);
  } else {
    indentation.assign(static_cast<size_t>(std::clamp<int64_t>(bound.IntegerOr(0, 4), 0, kWidest)), ' ');
  }
  const bool blank = bound.BoolOr(2, false);
  // A newline is added, so that one at the end is kept.
  const std::string text = ToText(runtime, value) + "\n";
  std::string out = bound.BoolOr(1, false) ? indentation : "";
  bool first = true;
  for (const std::string_view line : SplitLines(text, false)) {
    if (!first) out += '\n';
    if (!first && (blank || !line.empty())) {
      runtime.SpendText(indentation.size());
      out += indentation;
    }
    first = false;
    out += line;
  }
  return runtime.MakeText(std::move(out));
}

Value ToJsonText(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'tojson'", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ascii = bound.BoolOr(0, false);
  style.sort_keys = bound.BoolOr(3, false);
  if (bound.Has(1) && !bound[1].IsNone()) {
    constexpr int64_t kWidest = 100;
    style.indent = bound[1].text() != nullptr
                       ? bound.Text(1)
                       : std::string(static_cast<size_t>(std::clamp<int64_t>(bound.IntegerOr(1, 0), 0, kWidest)), ' ');
    style.item_separator = std::string(1, ',');
  }
  if (bound.Has(2) && !bound[2].IsNone()) {
    const std::vector<Value> separators = Iterate(runtime, bound[2]);
    if (separators.size() != 2) bound.Fail("takes two separators");
    style.item_separator = ToText(runtime, separators[0]);
    style.key_separator = ToText(runtime, separators[1]);
  }
  return runtime.MakeText(ToJson(runtime, value, style));
}

Value LengthOf(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'length'", arguments, {});
  return static_cast<int64_t>(Length(runtime, value));
}

Value Default(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'default'", arguments, {"default_value", "boolean"});
  const bool missing = value.IsUndefined() || (bound.BoolOr(1, false) && !Truthy(value));
  return missing ? bound.Or(0, "") : value;
}

Value ToString(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'string'", arguments, {});
  return runtime.MakeText(ToText(runtime, value));
}

// A whole text as a number, as Python's int() and float() read it.
template <class Number, class... Format>
std::optional<Number> ReadNumber(const std::string& text, Format... format) {
  std::string_view digits = StripWhitespace(text, StripSide::kBoth);
  if (digits.starts_with('+')) digits.remove_prefix(1);
  Number number{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, format...);
  if (error != std::errc() || digits.empty() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

Value Truncated(double number, const Value& otherwise) {
  return std::abs(number) < 0x1p63 ? Value(static_cast<int64_t>(number)) : otherwise;
}

Value ToInteger(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'int'", arguments, {"default", "base"});
  Value otherwise = bound.Or(0, int64_t{0});
  const int64_t base = bound.IntegerOr(1, 10);
  if (base < 2 || base > 36) bound.Fail("takes a base of 2 to 36");
  RequireDefined(runtime, value);
  if (const auto integer = AsInteger(value)) return *integer;
  if (value.Is<double>()) return Truncated(value.As<double>(), otherwise);
  if (value.text() == nullptr) return otherwise;
  if (const auto integer = ReadNumber<int64_t>(*value.text(), static_cast<int>(base))) return *integer;
  const auto number = ReadNumber<double>(*value.text());
  return number ? Truncated(*number, otherwise) : otherwise;
}

Value ToFloat(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'float'", arguments, {"default"});
  RequireDefined(runtime, value);
  if (value.IsNumber()) return AsDouble(value);
  Value otherwise = bound.Or(0, 0.0);
  if (value.text() == nullptr) return otherwise;
  const auto number = ReadNumber<double>(*value.text());
  return number ? Value(*number) : otherwise;
}

Value Absolute(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'abs'", arguments, {});
  if (value.Is<double>()) return std::abs(value.As<double>());
  return Less(runtime, value, int64_t{0}) ? Negate(runtime, value) : value;
}

Value Round(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'round'", arguments, {"precision", "method"});
  if (!value.IsNumber()) bound.Fail(StrCat("takes a number, not ", value.TypeName()));
  const std::string method = bound.TextOr(1, "common");
  const auto precision = static_cast<int>(std::clamp<int64_t>(bound.IntegerOr(0, 0), -300, 300));
  const double number = AsDouble(value);
  if (method == "common") {
    if (value.Is<int64_t>() && precision >= 0) return value;
    // Correctly rounded decimal digits, as Python's round() gives them; the longest double has some 310 before the
    // point.
    if (precision < 0) return std::nearbyint(number / std::pow(10.0, -precision)) * std::pow(10.0, -precision);
    std::string digits(700, '\0');
    const auto [end, error] =
        std::to_chars(digits.data(), digits.data() + digits.size(), number, std::chars_format::fixed, precision);
    digits.resize(static_cast<size_t>(end - digits.data()));
    return ReadNumber<double>(digits).value_or(number);
  }
  const double scale = std::pow(10.0, precision);
  if (method == "ceil") return std::ceil(number * scale) / scale;
  if (method == "floor") return std::floor(number * scale) / scale;
  bound.Fail("takes 'common', 'ceil' or 'floor' as its method");
}

Value FormatText(Runtime& runtime, const Value& value, const Arguments& arguments) {
  return FormatPercent(runtime, ToText(runtime, value), arguments);
}

Value Escape(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'escape'", arguments, {});
  std::string out;
  for (const char c : ToText(runtime, value)) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&#34;";
    } else if (c == '\'') {
      out += "&#39;";
    } else {
      out += c;
    }
  }
  return runtime.MakeText(std::move(out));
}

Value Attribute(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'attr'", arguments, {"name"}, 1);
  // Attributes alone, not the members of dicts.
  if (value.dict() == nullptr) return Member(runtime, value, bound.Text(0));
  return Undefined{std::make_shared<std::string>(StrCat("a dict has no attribute '", bound.Text(0), "'"))};
}

Value WordCount(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'wordcount'", arguments, {});
  return static_cast<int64_t>(SplitWhitespace(ToText(runtime, value), SIZE_MAX).size());
}

struct Entry {
  std::string_view name;
  FilterFunction function;
};

constexpr std::array kFilters = {
    Entry{"trim", Trim},
    Entry{"upper", ChangeText<UpperCase>},
    Entry{"lower", ChangeText<LowerCase>},
    Entry{"capitalize", ChangeText<Capitalize>},
    Entry{"title", ChangeText<TitleFilter>},
    Entry{"replace", Replace},
    Entry{"indent", Indent},
    Entry{"tojson", ToJsonText},
    Entry{"length", LengthOf},
    Entry{"count", LengthOf},
    Entry{"default", Default},
    Entry{"d", Default},
    Entry{"string", ToString},
    Entry{"safe", ToString},
    Entry{"int", ToInteger},
    Entry{"float", ToFloat},
    Entry{"abs", Absolute},
    Entry{"round", Round},
    Entry{"format", FormatText},
    Entry{"escape", Escape},
    Entry{"e", Escape},
    Entry{"attr", Attribute},
    Entry{"wordcount", WordCount},
    Entry{"join", JoinFilter},
    Entry{"first", FirstFilter},
    Entry{"last", LastFilter},
    Entry{"list", ListFilter},
    Entry{"reverse", ReverseFilter},
    Entry{"map", MapFilter},
    Entry{"select", SelectFilter},
    Entry{"reject", RejectFilter},
    Entry{"selectattr", SelectAttrFilter},
    Entry{"rejectattr", RejectAttrFilter},
    Entry{"sort", SortFilter},
    Entry{"unique", UniqueFilter},
    Entry{"sum", SumFilter},
    Entry{"min", MinFilter},
    Entry{"max", MaxFilter},
    Entry{"batch", BatchFilter},
    Entry{"groupby", GroupByFilter},
    Entry{"dictsort", DictSortFilter},
    Entry{"items", ItemsFilter},
};

}  // namespace

FilterFunction FindFilter(std::string_view name) {
  const auto found =
      std::find_if(kFilters.begin(), kFilters.end(), [&](const Entry& entry) { return entry.name == name; });
  return found == kFilters.end() ? nullptr : found->function;
}

FilterFunction RequireFilter(Runtime& runtime, std::string_view name) {
  if (const FilterFunction filter = FindFilter(name)) return filter;
  std::vector<std::string> names;
  names.reserve(kFilters.size());
  for (const Entry& entry : kFilters) names.emplace_back(entry.name);
  const std::vector<std::string> near = NearMisses(name, names, 3);
  runtime.Fail(StrCat("the filter '", name, "' is not supported", near.empty() ? "" : "; near: ", Join(near, ", ")));
}

}  // namespace w8a16::jinja
