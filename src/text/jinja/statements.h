#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/expressions.h"
#include "text/jinja/runtime.h"

namespace w8a16::jinja {

/// How a statement ended.
enum class Flow : uint8_t { kNext, kBreak, kContinue };

class Statement {
 public:
  virtual ~Statement() = default;
  /// Appends what it prints to `out`.
  Flow Run(Runtime& runtime, Scope& scope, std::string& out) const;

  int line = 0;

 private:
  virtual Flow Do(Runtime& runtime, Scope& scope, std::string& out) const = 0;
};
using Block = std::vector<std::unique_ptr<const Statement>>;

/// What values are assigned to: a name, several names (the value is unpacked), or a member of a namespace.
struct Target {
  std::vector<std::string> names;
  bool unpacks = false;
  std::string member;  ///< names[0].member
  void Assign(Runtime& runtime, Scope& scope, const Value& value) const;
};

struct ForLoop {
  Target target;
  ExpressionPtr items;
  ExpressionPtr condition;  ///< null: all items
  Block body;
  Block otherwise;
  bool recursive = false;
};

struct Branch {
  ExpressionPtr condition;  ///< null: else
  Block body;
};

struct MacroParameter {
  std::string name;
  ExpressionPtr otherwise;  ///< null: undefined where it is not given
};

/// A macro, or the body of a call block.
struct MacroDefinition {
  std::string name;
  std::vector<MacroParameter> parameters;
  Block body;
  bool uses_varargs = false;
  bool uses_kwargs = false;
};

struct FilterCall {
  std::string name;
  CallArguments arguments;
  int line = 0;
};

std::unique_ptr<Statement> MakeData(std::string text);
std::unique_ptr<Statement> MakePrint(ExpressionPtr expression);
std::unique_ptr<Statement> MakeFor(ForLoop loop);
std::unique_ptr<Statement> MakeIf(std::vector<Branch> branches);
std::unique_ptr<Statement> MakeSet(Target target, ExpressionPtr value);
/// Sets the text that `body` prints, after `filters`.
std::unique_ptr<Statement> MakeSetBlock(Target target, std::vector<FilterCall> filters, Block body);
std::unique_ptr<Statement> MakeMacro(MacroDefinition macro);
/// Calls `callee` with caller() running `body`.
std::unique_ptr<Statement> MakeCallBlock(ExpressionPtr callee, CallArguments arguments, MacroDefinition body);
std::unique_ptr<Statement> MakeFilterBlock(std::vector<FilterCall> filters, Block body);
std::unique_ptr<Statement> MakeWith(std::vector<std::pair<Target, ExpressionPtr>> variables, Block body);
std::unique_ptr<Statement> MakeFlow(Flow flow);

/// Runs statements until one of them breaks or continues a loop.
Flow RunBlock(const Block& block, Runtime& runtime, Scope& scope, std::string& out);

}  // namespace w8a16::jinja
