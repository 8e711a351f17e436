#pragma once

#include <string_view>

#include "text/jinja/object.h"
#include "text/jinja/statements.h"

namespace w8a16::jinja {

/// A macro as a value; it sees the variables of the block that it was defined in.
class Macro : public Object {
 public:
  Macro(const MacroDefinition& definition, Scope& scope) : definition_(definition), scope_(scope) { scope.Capture(); }

  std::string_view TypeName() const override { return "a macro"; }
  std::optional<Value> Attribute(std::string_view name) override;
  bool callable() const override { return true; }
  /// The text that its body prints.
  Value Call(Runtime& runtime, const Arguments& arguments) override;

 private:
  void Bind(Runtime& runtime, const Arguments& arguments, Scope& scope) const;

  const MacroDefinition& definition_;
  Scope& scope_;
};

}  // namespace w8a16::jinja
