#include "text/jinja/expressions.h"

#include <algorithm>

#include "base/strings.h"
#include "text/jinja/filters.h"
#include "text/jinja/methods.h"
#include "text/jinja/tests.h"

namespace w8a16::jinja {
namespace {

/// A node whose value is computed by a function of the rendering; `fn` holds its operands.
template <class Fn>
class Node : public Expression {
 public:
  explicit Node(Fn fn) : fn_(std::move(fn)) {}

 private:
  Value Compute(Runtime& runtime, Scope& scope) const override { return fn_(runtime, scope, line); }
  Fn fn_;
};

template <class Fn>
std::unique_ptr<Expression> MakeNode(Fn fn) {
  return std::make_unique<Node<Fn>>(std::move(fn));
}

Undefined MakeUndefined(std::string what) { return {std::make_shared<std::string>(std::move(what))}; }

bool Holds(Runtime& runtime, Comparison::Kind kind, const Value& a, const Value& b) {
  switch (kind) {
    case Comparison::Kind::kEqual:
      return Equal(runtime, a, b);
    case Comparison::Kind::kNotEqual:
      return !Equal(runtime, a, b);
    case Comparison::Kind::kLess:
      return Less(runtime, a, b);
    case Comparison::Kind::kLessOrEqual:
      return !Less(runtime, b, a);
    case Comparison::Kind::kGreater:
      return Less(runtime, b, a);
    case Comparison::Kind::kGreaterOrEqual:
      return !Less(runtime, a, b);
    case Comparison::Kind::kIn:
      return Contains(runtime, b, a);
    case Comparison::Kind::kNotIn:
      break;
  }
  return !Contains(runtime, b, a);
}

Value CallValue(Runtime& runtime, const Value& callee, const Arguments& arguments) {
  RequireDefined(runtime, callee);
  if (const Method* method = callee.method()) return CallMethod(runtime, *method, arguments);
  if (Object* object = callee.object()) return object->Call(runtime, arguments);
  runtime.Fail(StrCat(callee.TypeName(), " cannot be called"));
}

std::vector<Value> EvaluateAll(const std::vector<ExpressionPtr>& expressions, Runtime& runtime, Scope& scope) {
  std::vector<Value> values;
  values.reserve(expressions.size());
  for (const ExpressionPtr& expression : expressions) values.push_back(expression->Evaluate(runtime, scope));
  return values;
}

}  // namespace

Value Expression::Evaluate(Runtime& runtime, Scope& scope) const {
  const Runtime::Deeper deeper(runtime);
  runtime.Spend(1);
  runtime.At(line);
  return Compute(runtime, scope);
}

Arguments CallArguments::Evaluate(Runtime& runtime, Scope& scope) const {
  Arguments arguments{EvaluateAll(positional, runtime, scope), {}};
  for (const auto& [name, value] : keyword) arguments.keyword.emplace_back(name, value->Evaluate(runtime, scope));
  return arguments;
}

std::unique_ptr<Expression> MakeConstant(Value value) {
  return MakeNode([value = std::move(value)](Runtime&, Scope&, int) { return value; });
}

std::unique_ptr<Expression> MakeName(std::string name) {
  return MakeNode([name = std::move(name)](Runtime& runtime, Scope& scope, int) -> Value {
    if (const Value* value = scope.Find(name)) return *value;
    runtime.SpendText(name.size());
    return MakeUndefined(StrCat("'", name, "' is undefined"));
  });
}

std::unique_ptr<Expression> MakeList(std::vector<ExpressionPtr> items, bool tuple) {
  return MakeNode([items = std::move(items), tuple](Runtime& runtime, Scope& scope, int) {
    return runtime.MakeList(EvaluateAll(items, runtime, scope), tuple);
  });
}

std::unique_ptr<Expression> MakeDict(std::vector<ExpressionPtr> keys, std::vector<ExpressionPtr> values) {
  return MakeNode([keys = std::move(keys), values = std::move(values)](Runtime& runtime, Scope& scope, int line) {
    std::vector<std::pair<Value, Value>> items;
    for (size_t i = 0; i < keys.size(); ++i) {
      Value key = keys[i]->Evaluate(runtime, scope);
      items.emplace_back(std::move(key), values[i]->Evaluate(runtime, scope));
    }
    runtime.At(line);
    return runtime.MakeDict(items);
  });
}

std::unique_ptr<Expression> MakeMember(ExpressionPtr target, std::string name) {
  return MakeNode([target = std::move(target), name = std::move(name)](Runtime& runtime, Scope& scope, int line) {
    const Value value = target->Evaluate(runtime, scope);
    runtime.At(line);
    return Member(runtime, value, name);
  });
}

std::unique_ptr<Expression> MakeSubscript(ExpressionPtr target, ExpressionPtr key) {
  return MakeNode([target = std::move(target), key = std::move(key)](Runtime& runtime, Scope& scope, int line) {
    const Value value = target->Evaluate(runtime, scope);
    const Value index = key->Evaluate(runtime, scope);
    runtime.At(line);
    return Subscript(runtime, value, index);
  });
}

std::unique_ptr<Expression> MakeSlice(ExpressionPtr target, ExpressionPtr begin, ExpressionPtr end,
                                      ExpressionPtr step) {
  return MakeNode([target = std::move(target), begin = std::move(begin), end = std::move(end), step = std::move(step)](
                      Runtime& runtime, Scope& scope, int line) {
    const auto part = [&](const ExpressionPtr& e) { return e == nullptr ? Value() : e->Evaluate(runtime, scope); };
    const Value value = target->Evaluate(runtime, scope);
    const Value first = part(begin);
    const Value last = part(end);
    const Value stride = part(step);
    runtime.At(line);
    return Slice(runtime, value, first, last, stride);
  });
}

std::unique_ptr<Expression> MakeCall(ExpressionPtr callee, CallArguments arguments) {
  return MakeNode(
      [callee = std::move(callee), arguments = std::move(arguments)](Runtime& runtime, Scope& scope, int line) {
        const Value function = callee->Evaluate(runtime, scope);
        const Arguments given = arguments.Evaluate(runtime, scope);
        runtime.At(line);
        return CallValue(runtime, function, given);
      });
}

std::unique_ptr<Expression> MakeFilter(ExpressionPtr input, std::string name, CallArguments arguments) {
  return MakeNode([input = std::move(input), name = std::move(name), arguments = std::move(arguments)](
                      Runtime& runtime, Scope& scope, int line) {
    const Value value = input->Evaluate(runtime, scope);
    const Arguments given = arguments.Evaluate(runtime, scope);
    runtime.At(line);
    return RequireFilter(runtime, name)(runtime, value, given);
  });
}

std::unique_ptr<Expression> MakeTest(ExpressionPtr input, std::string name, CallArguments arguments, bool negated) {
  return MakeNode([input = std::move(input), name = std::move(name), arguments = std::move(arguments), negated](
                      Runtime& runtime, Scope& scope, int line) -> Value {
    const Value value = input->Evaluate(runtime, scope);
    const Arguments given = arguments.Evaluate(runtime, scope);
    runtime.At(line);
    return RequireTest(runtime, name)(runtime, value, given) != negated;
  });
}

std::unique_ptr<Expression> MakeArithmetic(Arithmetic operation, ExpressionPtr left, ExpressionPtr right) {
  return MakeNode(
      [operation, left = std::move(left), right = std::move(right)](Runtime& runtime, Scope& scope, int line) {
        const Value a = left->Evaluate(runtime, scope);
        const Value b = right->Evaluate(runtime, scope);
        runtime.At(line);
        return Compute(runtime, operation, a, b);
      });
}

std::unique_ptr<Expression> MakeConcatenation(std::vector<ExpressionPtr> parts) {
  return MakeNode([parts = std::move(parts)](Runtime& runtime, Scope& scope, int line) {
    std::string text;
    for (const ExpressionPtr& part : parts) {
      const Value value = part->Evaluate(runtime, scope);
      runtime.At(line);
      text += ToText(runtime, value);
    }
    return runtime.MakeText(std::move(text));
  });
}

std::unique_ptr<Expression> MakeComparison(ExpressionPtr left, std::vector<Comparison> comparisons) {
  return MakeNode([left = std::move(left), comparisons = std::move(comparisons)](Runtime& runtime, Scope& scope,
                                                                                 int line) -> Value {
    Value a = left->Evaluate(runtime, scope);
    for (const Comparison& comparison : comparisons) {
      Value b = comparison.right->Evaluate(runtime, scope);
      runtime.At(line);
      if (!Holds(runtime, comparison.kind, a, b)) return false;
      a = std::move(b);
    }
    return true;
  });
}

std::unique_ptr<Expression> MakeAnd(ExpressionPtr left, ExpressionPtr right) {
  return MakeNode([left = std::move(left), right = std::move(right)](Runtime& runtime, Scope& scope, int) {
    Value value = left->Evaluate(runtime, scope);
    return Truthy(value) ? right->Evaluate(runtime, scope) : value;
  });
}

std::unique_ptr<Expression> MakeOr(ExpressionPtr left, ExpressionPtr right) {
  return MakeNode([left = std::move(left), right = std::move(right)](Runtime& runtime, Scope& scope, int) {
    Value value = left->Evaluate(runtime, scope);
    return Truthy(value) ? value : right->Evaluate(runtime, scope);
  });
}

std::unique_ptr<Expression> MakeNot(ExpressionPtr operand) {
  return MakeNode([operand = std::move(operand)](Runtime& runtime, Scope& scope, int) -> Value {
    return !Truthy(operand->Evaluate(runtime, scope));
  });
}

std::unique_ptr<Expression> MakeNegation(ExpressionPtr operand) {
  return MakeNode([operand = std::move(operand)](Runtime& runtime, Scope& scope, int line) {
    const Value value = operand->Evaluate(runtime, scope);
    runtime.At(line);
    return Negate(runtime, value);
  });
}

std::unique_ptr<Expression> MakeConditional(ExpressionPtr condition, ExpressionPtr then, ExpressionPtr otherwise) {
  return MakeNode([condition = std::move(condition), then = std::move(then), otherwise = std::move(otherwise)](
                      Runtime& runtime, Scope& scope, int) -> Value {
    if (Truthy(condition->Evaluate(runtime, scope))) return then->Evaluate(runtime, scope);
    if (otherwise != nullptr) return otherwise->Evaluate(runtime, scope);
    return MakeUndefined("an inline if without else was false");
  });
}

}  // namespace w8a16::jinja
