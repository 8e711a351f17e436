#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/operations.h"
#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace w8a16::jinja {

/// A node of an expression.
class Expression {
 public:
  virtual ~Expression() = default;
  Value Evaluate(Runtime& runtime, Scope& scope) const;

  int line = 0;
  int height = 1;  ///< of the tree below, itself included

 private:
  virtual Value Compute(Runtime& runtime, Scope& scope) const = 0;
};
using ExpressionPtr = std::unique_ptr<const Expression>;

struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> keyword;
  Arguments Evaluate(Runtime& runtime, Scope& scope) const;
};

/// One of those by which values are compared, and its right side.
struct Comparison {
  enum class Kind : uint8_t { kEqual, kNotEqual, kLess, kLessOrEqual, kGreater, kGreaterOrEqual, kIn, kNotIn };
  Kind kind;
  ExpressionPtr right;
};

// Each makes a node; the parser sets its line and height.
std::unique_ptr<Expression> MakeConstant(Value value);
std::unique_ptr<Expression> MakeName(std::string name);
std::unique_ptr<Expression> MakeList(std::vector<ExpressionPtr> items, bool tuple);
std::unique_ptr<Expression> MakeDict(std::vector<ExpressionPtr> keys, std::vector<ExpressionPtr> values);
/// target.name
std::unique_ptr<Expression> MakeMember(ExpressionPtr target, std::string name);
/// target[key]
std::unique_ptr<Expression> MakeSubscript(ExpressionPtr target, ExpressionPtr key);
/// target[begin:end:step]; each of the three may be null.
std::unique_ptr<Expression> MakeSlice(ExpressionPtr target, ExpressionPtr begin, ExpressionPtr end, ExpressionPtr step);
std::unique_ptr<Expression> MakeCall(ExpressionPtr callee, CallArguments arguments);
std::unique_ptr<Expression> MakeFilter(ExpressionPtr input, std::string name, CallArguments arguments);
std::unique_ptr<Expression> MakeTest(ExpressionPtr input, std::string name, CallArguments arguments, bool negated);
std::unique_ptr<Expression> MakeArithmetic(Arithmetic operation, ExpressionPtr left, ExpressionPtr right);
/// a ~ b ~ c
std::unique_ptr<Expression> MakeConcatenation(std::vector<ExpressionPtr> parts);
/// left < a <= b ...: all must hold.
std::unique_ptr<Expression> MakeComparison(ExpressionPtr left, std::vector<Comparison> comparisons);
std::unique_ptr<Expression> MakeAnd(ExpressionPtr left, ExpressionPtr right);
std::unique_ptr<Expression> MakeOr(ExpressionPtr left, ExpressionPtr right);
std::unique_ptr<Expression> MakeNot(ExpressionPtr operand);
std::unique_ptr<Expression> MakeNegation(ExpressionPtr operand);
/// then if condition else otherwise; `otherwise` may be null.
std::unique_ptr<Expression> MakeConditional(ExpressionPtr condition, ExpressionPtr then, ExpressionPtr otherwise);

}  // namespace w8a16::jinja
