#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "text/jinja/value.h"

namespace w8a16::jinja {

/// The variables of a block and, behind them, those of the block around it.
class Scope {
 public:
  /// Null where the name is not set.
  const Value* Find(std::string_view name) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->parent_) {
      const auto found = scope->variables_.find(name);
      if (found != scope->variables_.end()) return &found->second;
    }
    return nullptr;
  }

  /// Sets the name in this scope; one of the same name around it is hidden.
  void Set(std::string_view name, Value value) {
    const auto found = variables_.find(name);
    if (found == variables_.end()) {
      variables_.emplace(name, std::move(value));
    } else {
      found->second = std::move(value);
    }
  }

  /// A macro refers to this scope: it stays until the rendering ends.
  void Capture() {
    for (Scope* scope = this; scope != nullptr && !scope->captured_; scope = scope->parent_) scope->captured_ = true;
  }

 private:
  friend class Runtime;
  Scope* parent_ = nullptr;
  bool captured_ = false;
  std::map<std::string, Value, std::less<>> variables_;
};

}  // namespace w8a16::jinja
