#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "text/jinja/object.h"
#include "text/jinja/statements.h"

namespace w8a16::jinja {

/// `loop` inside a for block.
class Loop : public Object {
 public:
  Loop(const ForLoop& definition, Scope& scope, std::vector<Value> items, int depth)
      : definition_(definition), scope_(scope), items_(std::move(items)), depth_(depth) {}

  const std::vector<Value>& items() const { return items_; }
  void MoveTo(size_t index) { index_ = index; }

  std::string_view TypeName() const override { return "a loop"; }
  std::optional<Value> Attribute(std::string_view name) override;
  bool callable() const override { return definition_.recursive; }
  /// loop(items) of a recursive loop: the text of the same loop over other items.
  Value Call(Runtime& runtime, const Arguments& arguments) override;

  /// loop.changed(...): whether the values differ from those of the last call.
  bool Changed(Runtime& runtime, const std::vector<Value>& values);
  size_t index() const { return index_; }

 private:
  const ForLoop& definition_;
  Scope& scope_;
  std::vector<Value> items_;
  int depth_;
  size_t index_ = 0;
  std::optional<std::vector<Value>> last_;
  std::vector<std::unique_ptr<Object>> methods_;
};

/// Runs a for block over `items`; `depth` counts recursive calls from 1.
Flow RunFor(const ForLoop& loop, const Value& items, int depth, Runtime& runtime, Scope& scope, std::string& out);

}  // namespace w8a16::jinja
