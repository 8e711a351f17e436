#pragma once

#include <cstddef>
#include <ctime>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/object.h"
#include "text/jinja/scope.h"
#include "text/jinja/value.h"

namespace w8a16::jinja {

/// One rendering: where it is, what it may still spend, and what it owns. A template comes with a download, so that its
/// work, memory and recursion are bounded.
class Runtime {
 public:
  /// `source` is what messages call the template; `now` is the time that strftime_now tells. Both must outlive it.
  Runtime(std::string_view source, const std::tm& now) : source_(source), now_(now) {}

  const std::tm& now() const { return now_; }

  /// The line that messages name from here on.
  void At(int line) { line_ = line; }
  int line() const { return line_; }
  /// Throws Error "SOURCE: line N: MESSAGE".
  [[noreturn]] void Fail(std::string_view message) const;

  /// Counts steps of work; throws Error where there have been too many.
  void Spend(size_t steps) {
    if (steps > steps_left_) FailSpent();
    steps_left_ -= steps;
  }
  /// For memory that is about to be filled.
  void SpendText(size_t bytes);
  void SpendItems(size_t count);

  Value MakeText(std::string text);
  Value MakeList(std::vector<Value> items, bool tuple = false);
  /// A later pair of the same key replaces the value of the first.
  Value MakeDict(const std::vector<std::pair<Value, Value>>& items);

  /// An object that lives until the rendering ends.
  template <class T, class... Args>
  T* Own(Args&&... args) {
    Spend(kObjectSteps);
    auto object = std::make_unique<T>(std::forward<Args>(args)...);
    T* raw = object.get();
    objects_.push_back(std::move(object));
    return raw;
  }

  /// A new scope inside `parent`, given back at the end.
  class NewScope {
   public:
    NewScope(Runtime& runtime, Scope* parent) : runtime_(runtime), scope_(runtime.TakeScope(parent)) {}
    ~NewScope() { runtime_.ReturnScope(scope_); }
    NewScope(const NewScope&) = delete;
    NewScope& operator=(const NewScope&) = delete;
    Scope& operator*() { return scope_; }

   private:
    Runtime& runtime_;
    Scope& scope_;
  };

  /// One level deeper in the template's tree or in calls of macros; throws Error where that is too deep.
  class Deeper {
   public:
    explicit Deeper(Runtime& runtime) : runtime_(runtime) {
      if (runtime.depth_ >= kMaxDepth) runtime.Fail("macros or loops call themselves too deeply");
      ++runtime.depth_;
    }
    ~Deeper() { --runtime_.depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;

   private:
    Runtime& runtime_;
  };

 private:
  static constexpr size_t kMaxSteps = 20'000'000;
  static constexpr size_t kObjectSteps = 50;
  static constexpr int kMaxDepth = 800;

  [[noreturn]] void FailSpent() const;
  Scope& TakeScope(Scope* parent);
  void ReturnScope(Scope& scope);

  std::string_view source_;
  const std::tm& now_;
  int line_ = 1;
  int depth_ = 0;
  size_t steps_left_ = kMaxSteps;
  std::vector<std::unique_ptr<Object>> objects_;
  std::deque<Scope> scopes_;
  std::vector<Scope*> free_scopes_;
};

}  // namespace w8a16::jinja
