#include "text/jinja/runtime.h"

#include <algorithm>

#include "base/strings.h"
#include "text/jinja/operations.h"
#include "w8a16/error.h"

namespace w8a16::jinja {
namespace {

constexpr size_t kBytesPerStep = 8;
constexpr size_t kLongestText = size_t{64} << 20;
constexpr size_t kItemSteps = 10;
constexpr int kDeepestValue = 200;

}  // namespace

Value Object::Call(Runtime& runtime, const Arguments& /*arguments*/) {
  runtime.Fail(StrCat(TypeName(), " cannot be called"));
}

void Runtime::Fail(std::string_view message) const { throw Error(StrCat(source_, ": line ", line_, ": ", message)); }

void Runtime::FailSpent() const { Fail("the template takes too much work; it is damaged or does not end"); }

void Runtime::SpendText(size_t bytes) {
  if (bytes > kLongestText) Fail(StrCat("a text of more than ", kLongestText >> 20, " MiB"));
  Spend(bytes / kBytesPerStep);
}

void Runtime::SpendItems(size_t count) {
  constexpr size_t kMostItems = 5'000'000;
  if (count > kMostItems) Fail(StrCat("a list of more than ", kMostItems, " items"));
  Spend(kItemSteps * count);
}

Value Runtime::MakeText(std::string text) {
  SpendText(text.size());
  return {std::move(text)};
}

Value Runtime::MakeList(std::vector<Value> items, bool tuple) {
  SpendItems(items.size());
  auto list = std::make_shared<List>();
  for (const Value& item : items) list->depth = std::max(list->depth, item.depth() + 1);
  if (list->depth > kDeepestValue) Fail(StrCat("values nested deeper than ", kDeepestValue, " levels"));
  list->items = std::move(items);
  list->tuple = tuple;
  return ListPtr(std::move(list));
}

Value Runtime::MakeDict(const std::vector<std::pair<Value, Value>>& items) {
  auto dict = std::make_shared<Dict>();
  for (const auto& item : items) {
    const Value& key = item.first;
    if (!key.IsNone() && !key.IsNumber() && key.text() == nullptr) {
      Fail(StrCat("the key of a dict must be a string, a number or None, not ", key.TypeName()));
    }
    Spend(dict->items.size() + 1);
    dict->depth = std::max(dict->depth, item.second.depth() + 1);
    const auto same = std::find_if(dict->items.begin(), dict->items.end(),
                                   [&](const auto& old) { return Equal(*this, old.first, key); });
    if (same != dict->items.end()) {
      same->second = item.second;
    } else {
      dict->items.push_back(item);
    }
  }
  if (dict->depth > kDeepestValue) Fail(StrCat("values nested deeper than ", kDeepestValue, " levels"));
  return DictPtr(std::move(dict));
}

Scope& Runtime::TakeScope(Scope* parent) {
  if (free_scopes_.empty()) {
    Spend(kObjectSteps);
    free_scopes_.push_back(&scopes_.emplace_back());
  }
  Scope& scope = *free_scopes_.back();
  free_scopes_.pop_back();
  scope.parent_ = parent;
  return scope;
}

void Runtime::ReturnScope(Scope& scope) {
  if (scope.captured_) return;
  scope.variables_.clear();
  free_scopes_.push_back(&scope);
}

}  // namespace w8a16::jinja
