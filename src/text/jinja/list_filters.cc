#include "text/jinja/list_filters.h"

#include <algorithm>
#include <charconv>

#include "base/strings.h"
#include "text/jinja/bound.h"
#include "text/jinja/filters.h"
#include "text/jinja/operations.h"
#include "text/jinja/python_text.h"
#include "text/jinja/tests.h"

namespace w8a16::jinja {
namespace {

// "a.b.0": members, or items where a part is a number; `otherwise` (None: nothing) takes the place of what is missing.
Value AttributePath(Runtime& runtime, Value value, const Value& path, const Value& otherwise = {}) {
  const auto or_otherwise = [&](const Value& part) {
    return part.IsUndefined() && !otherwise.IsNone() ? otherwise : part;
  };
  if (const auto index = AsInteger(path)) return or_otherwise(Subscript(runtime, value, *index));
  if (path.text() == nullptr) runtime.Fail(StrCat("an attribute is named by a string, not ", path.TypeName()));
  for (const std::string_view part : SplitAt(*path.text(), ".", SIZE_MAX)) {
    int64_t index = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
    const bool number = error == std::errc() && end == part.data() + part.size();
    value = or_otherwise(Subscript(runtime, value, number ? Value(index) : runtime.MakeText(std::string(part))));
  }
  return value;
}

Value AttributeOf(Runtime& runtime, const Value& value, const Value& path) {
  return path.IsNone() ? value : AttributePath(runtime, value, path);
}

// What comparisons without regard to case compare.
Value Folded(Runtime& runtime, const Value& value, bool case_sensitive) {
  if (case_sensitive || value.text() == nullptr) return value;
  return runtime.MakeText(LowerCase(*value.text()));
}

Arguments Rest(const Arguments& arguments, size_t from) {
  Arguments rest;
  for (size_t i = from; i < arguments.positional.size(); ++i) rest.positional.push_back(arguments.positional[i]);
  rest.keyword = arguments.keyword;
  return rest;
}

const std::string& NameAt(Runtime& runtime, const Arguments& arguments, size_t index) {
  const std::string* name = arguments.positional[index].text();
  if (name == nullptr) runtime.Fail("a test or filter is named by a string");
  return *name;
}

// Those items that the test of `arguments` (from index `first` on; none: truth) holds for, or does not.
Value Choose(Runtime& runtime, const Value& value, const Arguments& arguments, bool by_attribute, bool wanted) {
  const size_t first = by_attribute ? 1 : 0;
  if (arguments.positional.size() < first) runtime.Fail("selectattr and rejectattr need the name of an attribute");
  TestFunction test = nullptr;
  Arguments rest;
  if (arguments.positional.size() > first) {
    test = RequireTest(runtime, NameAt(runtime, arguments, first));
    rest = Rest(arguments, first + 1);
  }
  std::vector<Value> chosen;
  for (const Value& item : Iterate(runtime, value)) {
    runtime.Spend(1);
    const Value tested = by_attribute ? AttributePath(runtime, item, arguments.positional[0]) : item;
    const bool holds = test == nullptr ? Truthy(tested) : test(runtime, tested, rest);
    if (holds == wanted) chosen.push_back(item);
  }
  return runtime.MakeList(std::move(chosen));
}

// The indexes of items in order of their keys; equal ones stay as they are.
std::vector<size_t> SortedOrder(Runtime& runtime, const std::vector<Value>& keys, bool reverse) {
  std::vector<size_t> order(keys.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return reverse ? Less(runtime, keys[b], keys[a]) : Less(runtime, keys[a], keys[b]);
  });
  return order;
}

Value Extreme(Runtime& runtime, const Value& value, const Arguments& arguments, bool largest) {
  const Bound bound(runtime, largest ? "the filter 'max'" : "the filter 'min'", arguments,
                    {"case_sensitive", "attribute"});
  const Value attribute = bound.Or(1, Value());
  const std::vector<Value> items = Iterate(runtime, value);
  if (items.empty()) return Undefined{std::make_shared<std::string>("min or max of an empty list")};
  const auto key = [&](const Value& item) {
    return Folded(runtime, AttributeOf(runtime, item, attribute), bound.BoolOr(0, false));
  };
  size_t best = 0;
  for (size_t i = 1; i < items.size(); ++i) {
    const Value a = key(items[best]);
    const Value b = key(items[i]);
    if (largest ? Less(runtime, a, b) : Less(runtime, b, a)) best = i;
  }
  return items[best];
}

}  // namespace

Value JoinFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'join'", arguments, {"d", "attribute"});
  const std::string separator = bound.Has(0) ? ToText(runtime, bound[0]) : "";
  const Value attribute = bound.Or(1, Value());
  std::string out;
  bool first = true;
  for (const Value& item : Iterate(runtime, value)) {
    if (!first) out += separator;
    first = false;
    runtime.SpendText(separator.size());
    out += ToText(runtime, AttributeOf(runtime, item, attribute));
  }
  return runtime.MakeText(std::move(out));
}

Value FirstFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'first'", arguments, {});
  const std::vector<Value> items = Iterate(runtime, value);
  if (items.empty()) return Undefined{std::make_shared<std::string>("an empty list has no first item")};
  return items.front();
}

Value LastFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'last'", arguments, {});
  const std::vector<Value> items = Iterate(runtime, value);
  if (items.empty()) return Undefined{std::make_shared<std::string>("an empty list has no last item")};
  return items.back();
}

Value ListFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'list'", arguments, {});
  return runtime.MakeList(Iterate(runtime, value));
}

Value ReverseFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'reverse'", arguments, {});
  std::vector<Value> items = Iterate(runtime, value);
  std::reverse(items.begin(), items.end());
  if (value.text() == nullptr) return runtime.MakeList(std::move(items));
  std::string text;
  for (const Value& item : items) text += *item.text();
  return runtime.MakeText(std::move(text));
}

Value MapFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  std::vector<Value> mapped;
  if (arguments.positional.empty()) {
    const Bound bound(runtime, "the filter 'map'", arguments, {"attribute", "default"}, 1);
    for (const Value& item : Iterate(runtime, value)) {
      mapped.push_back(AttributePath(runtime, item, bound[0], bound.Or(1, Value())));
    }
    return runtime.MakeList(std::move(mapped));
  }
  const FilterFunction filter = RequireFilter(runtime, NameAt(runtime, arguments, 0));
  const Arguments rest = Rest(arguments, 1);
  for (const Value& item : Iterate(runtime, value)) mapped.push_back(filter(runtime, item, rest));
  return runtime.MakeList(std::move(mapped));
}

Value SelectFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  return Choose(runtime, value, arguments, false, true);
}
Value RejectFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  return Choose(runtime, value, arguments, false, false);
}
Value SelectAttrFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  return Choose(runtime, value, arguments, true, true);
}
Value RejectAttrFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  return Choose(runtime, value, arguments, true, false);
}

Value SortFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'sort'", arguments, {"reverse", "case_sensitive", "attribute"});
  const std::vector<Value> items = Iterate(runtime, value);
  std::vector<Value> keys;
  keys.reserve(items.size());
  for (const Value& item : items) {
    keys.push_back(Folded(runtime, AttributeOf(runtime, item, bound.Or(2, Value())), bound.BoolOr(1, false)));
  }
  std::vector<Value> sorted;
  for (const size_t i : SortedOrder(runtime, keys, bound.BoolOr(0, false))) sorted.push_back(items[i]);
  return runtime.MakeList(std::move(sorted));
}

Value UniqueFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'unique'", arguments, {"case_sensitive", "attribute"});
  std::vector<Value> keys;
  std::vector<Value> unique;
  for (const Value& item : Iterate(runtime, value)) {
    Value key = Folded(runtime, AttributeOf(runtime, item, bound.Or(1, Value())), bound.BoolOr(0, false));
    if (std::any_of(keys.begin(), keys.end(), [&](const Value& seen) { return Equal(runtime, seen, key); })) continue;
    keys.push_back(std::move(key));
    unique.push_back(item);
  }
  return runtime.MakeList(std::move(unique));
}

Value SumFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'sum'", arguments, {"attribute", "start"});
  Value sum = bound.Or(1, int64_t{0});
  for (const Value& item : Iterate(runtime, value)) {
    sum = Compute(runtime, Arithmetic::kAdd, sum, AttributeOf(runtime, item, bound.Or(0, Value())));
  }
  return sum;
}

Value MinFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  return Extreme(runtime, value, arguments, false);
}
Value MaxFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  return Extreme(runtime, value, arguments, true);
}

Value BatchFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'batch'", arguments, {"linecount", "fill_with"}, 1);
  const int64_t size = bound.IntegerOr(0, 0);
  if (size < 1) bound.Fail("needs a size of at least 1");
  const std::vector<Value> items = Iterate(runtime, value);
  std::vector<Value> batches;
  for (size_t at = 0; at < items.size();) {
    std::vector<Value> batch;
    for (; at < items.size() && static_cast<int64_t>(batch.size()) < size; ++at) batch.push_back(items[at]);
    if (bound.Has(1) && !bound[1].IsNone()) {
      runtime.SpendItems(static_cast<size_t>(size));
      while (static_cast<int64_t>(batch.size()) < size) batch.push_back(bound[1]);
    }
    batches.push_back(runtime.MakeList(std::move(batch)));
  }
  return runtime.MakeList(std::move(batches));
}

Value GroupByFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'groupby'", arguments, {"attribute", "default"}, 1);
  const std::vector<Value> items = Iterate(runtime, value);
  std::vector<Value> keys;
  keys.reserve(items.size());
  for (const Value& item : items) {
    keys.push_back(Folded(runtime, AttributePath(runtime, item, bound[0], bound.Or(1, Value())), false));
  }
  std::vector<Value> groups;
  std::vector<Value> group;
  const std::vector<size_t> order = SortedOrder(runtime, keys, false);
  for (size_t i = 0; i < order.size(); ++i) {
    group.push_back(items[order[i]]);
    if (i + 1 < order.size() && Equal(runtime, keys[order[i]], keys[order[i + 1]])) continue;
    // The key as the group's first item spells it.
    Value key = AttributePath(runtime, group.front(), bound[0], bound.Or(1, Value()));
    groups.push_back(runtime.MakeList({key, runtime.MakeList(std::exchange(group, {}))}, true));
  }
  return runtime.MakeList(std::move(groups));
}

Value DictSortFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'dictsort'", arguments, {"case_sensitive", "by", "reverse"});
  RequireDefined(runtime, value);
  if (value.dict() == nullptr) bound.Fail(StrCat("takes a dict, not ", value.TypeName()));
  const bool by_value = bound.TextOr(1, "key") == "value";
  std::vector<Value> keys;
  for (const auto& [key, member] : value.dict()->items) {
    keys.push_back(Folded(runtime, by_value ? member : key, bound.BoolOr(0, false)));
  }
  std::vector<Value> sorted;
  for (const size_t i : SortedOrder(runtime, keys, bound.BoolOr(2, false))) {
    const auto& [key, member] = value.dict()->items[i];
    sorted.push_back(runtime.MakeList({key, member}, true));
  }
  return runtime.MakeList(std::move(sorted));
}

Value ItemsFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Bound bound(runtime, "the filter 'items'", arguments, {});
  std::vector<Value> items;
  if (value.dict() != nullptr) {
    for (const auto& [key, member] : value.dict()->items) items.push_back(runtime.MakeList({key, member}, true));
  } else if (!value.IsUndefined()) {
    bound.Fail(StrCat("takes a dict, not ", value.TypeName()));
  }
  return runtime.MakeList(std::move(items));
}

}  // namespace w8a16::jinja
