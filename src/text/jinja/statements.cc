#include "text/jinja/statements.h"

#include "base/strings.h"
#include "text/jinja/filters.h"
#include "text/jinja/loop.h"
#include "text/jinja/macro.h"
#include "text/jinja/operations.h"

namespace w8a16::jinja {
namespace {

/// A statement that a function of the rendering does; `fn` holds its parts.
template <class Fn>
class Node : public Statement {
 public:
  explicit Node(Fn fn) : fn_(std::move(fn)) {}

 private:
  Flow Do(Runtime& runtime, Scope& scope, std::string& out) const override { return fn_(runtime, scope, out); }
  Fn fn_;
};

template <class Fn>
std::unique_ptr<Statement> MakeNode(Fn fn) {
  return std::make_unique<Node<Fn>>(std::move(fn));
}

Value ApplyFilters(const std::vector<FilterCall>& filters, Value value, Runtime& runtime, Scope& scope) {
  for (const FilterCall& filter : filters) {
    const Arguments arguments = filter.arguments.Evaluate(runtime, scope);
    runtime.At(filter.line);
    value = RequireFilter(runtime, filter.name)(runtime, value, arguments);
  }
  return value;
}

void Append(Runtime& runtime, std::string_view text, std::string& out) {
  runtime.SpendText(text.size());
  out += text;
}

}  // namespace

Flow Statement::Run(Runtime& runtime, Scope& scope, std::string& out) const {
  const Runtime::Deeper deeper(runtime);
  runtime.Spend(1);
  runtime.At(line);
  return Do(runtime, scope, out);
}

Flow RunBlock(const Block& block, Runtime& runtime, Scope& scope, std::string& out) {
  for (const auto& statement : block) {
    const Flow flow = statement->Run(runtime, scope, out);
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

void Target::Assign(Runtime& runtime, Scope& scope, const Value& value) const {
  if (!member.empty()) {
    const Value* found = scope.Find(names[0]);
    Object* object = found == nullptr ? nullptr : found->object();
    if (object == nullptr || !object->SetAttribute(member, value)) {
      runtime.Fail(StrCat("cannot set ", names[0], ".", member, ": ", names[0], " is not a namespace"));
    }
    return;
  }
  if (!unpacks) return scope.Set(names[0], value);
  const std::vector<Value> items = Iterate(runtime, value);
  if (items.size() != names.size()) {
    runtime.Fail(StrCat(items.size(), " values cannot be unpacked into ", names.size(), " names"));
  }
  for (size_t i = 0; i < names.size(); ++i) scope.Set(names[i], items[i]);
}

std::unique_ptr<Statement> MakeData(std::string text) {
  return MakeNode([text = std::move(text)](Runtime& runtime, Scope&, std::string& out) {
    Append(runtime, text, out);
    return Flow::kNext;
  });
}

std::unique_ptr<Statement> MakePrint(ExpressionPtr expression) {
  return MakeNode([expression = std::move(expression)](Runtime& runtime, Scope& scope, std::string& out) {
    const Value value = expression->Evaluate(runtime, scope);
    runtime.At(expression->line);
    Append(runtime, ToText(runtime, value), out);
    return Flow::kNext;
  });
}

std::unique_ptr<Statement> MakeFor(ForLoop loop) {
  return MakeNode([loop = std::move(loop)](Runtime& runtime, Scope& scope, std::string& out) {
    const Value items = loop.items->Evaluate(runtime, scope);
    runtime.At(loop.items->line);
    return RunFor(loop, items, 1, runtime, scope, out);
  });
}

std::unique_ptr<Statement> MakeIf(std::vector<Branch> branches) {
  return MakeNode([branches = std::move(branches)](Runtime& runtime, Scope& scope, std::string& out) {
    for (const Branch& branch : branches) {
      if (branch.condition == nullptr || Truthy(branch.condition->Evaluate(runtime, scope))) {
        return RunBlock(branch.body, runtime, scope, out);
      }
    }
    return Flow::kNext;
  });
}

std::unique_ptr<Statement> MakeSet(Target target, ExpressionPtr value) {
  return MakeNode([target = std::move(target), value = std::move(value)](Runtime& runtime, Scope& scope, std::string&) {
    const Value result = value->Evaluate(runtime, scope);
    runtime.At(value->line);
    target.Assign(runtime, scope, result);
    return Flow::kNext;
  });
}

std::unique_ptr<Statement> MakeSetBlock(Target target, std::vector<FilterCall> filters, Block body) {
  return MakeNode([target = std::move(target), filters = std::move(filters), body = std::move(body)](
                      Runtime& runtime, Scope& scope, std::string&) {
    std::string text;
    Runtime::NewScope inner(runtime, &scope);
    const Flow flow = RunBlock(body, runtime, *inner, text);
    if (flow != Flow::kNext) return flow;
    target.Assign(runtime, scope, ApplyFilters(filters, runtime.MakeText(std::move(text)), runtime, *inner));
    return Flow::kNext;
  });
}

std::unique_ptr<Statement> MakeMacro(MacroDefinition macro) {
  return MakeNode([macro = std::move(macro)](Runtime& runtime, Scope& scope, std::string&) {
    scope.Set(macro.name, Value(runtime.Own<Macro>(macro, scope)));
    return Flow::kNext;
  });
}

std::unique_ptr<Statement> MakeCallBlock(ExpressionPtr callee, CallArguments arguments, MacroDefinition body) {
  return MakeNode([callee = std::move(callee), arguments = std::move(arguments), body = std::move(body)](
                      Runtime& runtime, Scope& scope, std::string& out) {
    const Value function = callee->Evaluate(runtime, scope);
    Arguments given = arguments.Evaluate(runtime, scope);
    given.keyword.emplace_back("caller", Value(runtime.Own<Macro>(body, scope)));
    runtime.At(callee->line);
    RequireDefined(runtime, function);
    if (function.object() == nullptr) runtime.Fail(StrCat("a call block calls a macro, not ", function.TypeName()));
    const Value text = function.object()->Call(runtime, given);
    Append(runtime, ToText(runtime, text), out);
    return Flow::kNext;
  });
}

std::unique_ptr<Statement> MakeFilterBlock(std::vector<FilterCall> filters, Block body) {
  return MakeNode(
      [filters = std::move(filters), body = std::move(body)](Runtime& runtime, Scope& scope, std::string& out) {
        std::string text;
        Runtime::NewScope inner(runtime, &scope);
        const Flow flow = RunBlock(body, runtime, *inner, text);
        if (flow != Flow::kNext) return flow;
        const Value filtered = ApplyFilters(filters, runtime.MakeText(std::move(text)), runtime, *inner);
        Append(runtime, ToText(runtime, filtered), out);
        return Flow::kNext;
      });
}

std::unique_ptr<Statement> MakeWith(std::vector<std::pair<Target, ExpressionPtr>> variables, Block body) {
  return MakeNode(
      [variables = std::move(variables), body = std::move(body)](Runtime& runtime, Scope& scope, std::string& out) {
        Runtime::NewScope inner(runtime, &scope);
        // The values see what is around the block, not each other.
        for (const auto& [target, value] : variables) target.Assign(runtime, *inner, value->Evaluate(runtime, scope));
        return RunBlock(body, runtime, *inner, out);
      });
}

std::unique_ptr<Statement> MakeFlow(Flow flow) {
  return MakeNode([flow](Runtime&, Scope&, std::string&) { return flow; });
}

}  // namespace w8a16::jinja
