#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/value.h"

namespace w8a16::jinja {

/// The variables of a block and, behind them, those of the block around it.
class Scope {
 public:
  /// Null where the name is not set.
  const Value* Find(std::string_view name) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->parent_) {
      for (const auto& [key, value] : scope->variables_) {
        if (key == name) return &value;
      }
    }
    return nullptr;
  }

  /// Sets the name in this scope; one of the same name around it is hidden.
  void Set(std::string_view name, Value value) {
    for (auto& [key, old] : variables_) {
      if (key == name) {
        old = std::move(value);
        return;
      }
    }
    variables_.emplace_back(name, std::move(value));
  }

  /// A macro refers to this scope: it stays until the rendering ends.
  void Capture() {
    for (Scope* scope = this; scope != nullptr && !scope->captured_; scope = scope->parent_) scope->captured_ = true;
  }

 private:
  friend class Runtime;
  Scope* parent_ = nullptr;
  bool captured_ = false;
  std::vector<std::pair<std::string, Value>> variables_;
};

}  // namespace w8a16::jinja
