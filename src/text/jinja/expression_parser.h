#pragma once

#include <set>
#include <string>
#include <vector>

#include "text/jinja/expressions.h"
#include "text/jinja/token_stream.h"

namespace w8a16::jinja {

/// Reads expressions, with the precedences of Jinja 3: `if`, `or`, `and`, `not`, comparisons, `+ -`, `~`, `* / // %`,
/// `**`, unary minus, then calls, members, filters and tests.
class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& tokens) : tokens_(tokens) {}

  ExpressionPtr Parse();
  /// The same without `if` at its end: what a for block loops over.
  ExpressionPtr ParseWithoutCondition();
  /// One expression, or several with commas between them as a tuple.
  ExpressionPtr ParseTuple(bool with_condition = true);
  /// What is called, without its arguments, for a call block.
  ExpressionPtr ParseCallee();
  CallArguments ParseArguments();

  /// Names that were read so far; a macro that names `varargs` takes more arguments than it declares.
  std::set<std::string>& names() { return names_; }

 private:
  ExpressionPtr ParseOr();
  ExpressionPtr ParseAnd();
  ExpressionPtr ParseNot();
  ExpressionPtr ParseComparison();
  ExpressionPtr ParseSum();
  ExpressionPtr ParseConcatenation();
  ExpressionPtr ParseProduct();
  ExpressionPtr ParsePower();
  ExpressionPtr ParseUnary(bool with_filters);
  ExpressionPtr ParsePrimary();
  ExpressionPtr ParseParenthesized();
  ExpressionPtr ParseListLiteral();
  ExpressionPtr ParseDictLiteral();
  ExpressionPtr ParseNumber();
  ExpressionPtr ParsePostfix(ExpressionPtr node, bool with_calls = true);
  ExpressionPtr ParseFilters(ExpressionPtr node);
  ExpressionPtr ParseSubscript(ExpressionPtr target);
  ExpressionPtr ParseTest(ExpressionPtr node);
  bool SkipComparison(Comparison::Kind& kind);

  /// Gives a new node its line, and its height from the heights of its operands.
  ExpressionPtr Finish(std::unique_ptr<Expression> node, int line, int operand_height);

  TokenStream& tokens_;
  std::set<std::string> names_;
};

}  // namespace w8a16::jinja
