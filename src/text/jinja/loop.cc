#include "text/jinja/loop.h"

#include <algorithm>

#include "base/strings.h"
#include "text/jinja/bound.h"
#include "text/jinja/operations.h"

namespace w8a16::jinja {
namespace {

/// loop.cycle and loop.changed.
class LoopMethod : public Object {
 public:
  LoopMethod(Loop& loop, bool cycles) : loop_(loop), cycles_(cycles) {}
  std::string_view TypeName() const override { return cycles_ ? "loop.cycle" : "loop.changed"; }
  bool callable() const override { return true; }
  Value Call(Runtime& runtime, const Arguments& arguments) override {
    if (!cycles_) return loop_.Changed(runtime, arguments.positional);
    if (arguments.positional.empty()) runtime.Fail("loop.cycle needs values to choose from");
    return arguments.positional[loop_.index() % arguments.positional.size()];
  }

 private:
  Loop& loop_;
  bool cycles_;
};

Value NoItem(const char* which) {
  return Undefined{std::make_shared<std::string>(StrCat("there is no ", which, " item"))};
}

}  // namespace

std::optional<Value> Loop::Attribute(std::string_view name) {
  const auto index = static_cast<int64_t>(index_);
  const auto size = static_cast<int64_t>(items_.size());
  if (name == "index") return index + 1;
  if (name == "index0") return index;
  if (name == "first") return index == 0;
  if (name == "last") return index + 1 == size;
  if (name == "length") return size;
  if (name == "revindex") return size - index;
  if (name == "revindex0") return size - index - 1;
  if (name == "depth") return int64_t{depth_};
  if (name == "depth0") return int64_t{depth_} - 1;
  if (name == "previtem") return index == 0 ? NoItem("previous") : items_[index_ - 1];
  if (name == "nextitem") return index + 1 == size ? NoItem("next") : items_[index_ + 1];
  if (name == "cycle" || name == "changed") {
    if (methods_.empty()) {
      methods_.push_back(std::make_unique<LoopMethod>(*this, true));
      methods_.push_back(std::make_unique<LoopMethod>(*this, false));
    }
    return Value(methods_[name == "cycle" ? 0 : 1].get());
  }
  return std::nullopt;
}

Value Loop::Call(Runtime& runtime, const Arguments& arguments) {
  if (!definition_.recursive) runtime.Fail("a loop that calls loop() must be declared recursive");
  const Bound bound(runtime, "loop()", arguments, {"items"}, 1);
  std::string text;
  RunFor(definition_, bound[0], depth_ + 1, runtime, scope_, text);
  return runtime.MakeText(std::move(text));
}

bool Loop::Changed(Runtime& runtime, const std::vector<Value>& values) {
  const bool same = last_ && last_->size() == values.size() &&
                    std::equal(values.begin(), values.end(), last_->begin(),
                               [&](const Value& a, const Value& b) { return Equal(runtime, a, b); });
  last_ = values;
  return !same;
}

Flow RunFor(const ForLoop& loop, const Value& items, int depth, Runtime& runtime, Scope& scope, std::string& out) {
  std::vector<Value> chosen = Iterate(runtime, items);
  if (loop.condition != nullptr) {
    const std::vector<Value> all = std::exchange(chosen, {});
    for (const Value& item : all) {
      Runtime::NewScope inner(runtime, &scope);
      loop.target.Assign(runtime, *inner, item);
      if (Truthy(loop.condition->Evaluate(runtime, *inner))) chosen.push_back(item);
    }
  }
  if (chosen.empty()) {
    Runtime::NewScope inner(runtime, &scope);
    return RunBlock(loop.otherwise, runtime, *inner, out);
  }
  Loop& state = *runtime.Own<Loop>(loop, scope, std::move(chosen), depth);
  // It may be called as long as it lives.
  if (loop.recursive) scope.Capture();
  for (size_t i = 0; i < state.items().size(); ++i) {
    runtime.Spend(1);
    state.MoveTo(i);
    Runtime::NewScope inner(runtime, &scope);
    (*inner).Set("loop", Value(&state));
    loop.target.Assign(runtime, *inner, state.items()[i]);
    if (RunBlock(loop.body, runtime, *inner, out) == Flow::kBreak) break;
  }
  return Flow::kNext;
}

}  // namespace w8a16::jinja
