#include "text/jinja/expression_parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/strings.h"

namespace w8a16::jinja {
namespace {

using Kind = Token::Kind;

// Of trees that loops below build: a + b + c leans to the left.
constexpr int kHighestTree = 200;

int HeightOf(const ExpressionPtr& node) { return node == nullptr ? 0 : node->height; }

int HeightOf(const std::vector<ExpressionPtr>& nodes) {
  int height = 0;
  for (const ExpressionPtr& node : nodes) height = std::max(height, HeightOf(node));
  return height;
}

int HeightOf(const CallArguments& arguments) {
  int height = HeightOf(arguments.positional);
  for (const auto& [name, value] : arguments.keyword) height = std::max(height, HeightOf(value));
  return height;
}

}  // namespace

ExpressionPtr ExpressionParser::Finish(std::unique_ptr<Expression> node, int line, int operand_height) {
  node->line = line;
  node->height = operand_height + 1;
  if (node->height > kHighestTree) tokens_.Fail(StrCat("an expression of more than ", kHighestTree, " steps in a row"));
  return node;
}

ExpressionPtr ExpressionParser::Parse() {
  const TokenStream::Nested nested(tokens_);
  ExpressionPtr value = ParseOr();
  while (tokens_.SeesName("if")) {
    const int line = tokens_.line();
    tokens_.Next();
    ExpressionPtr condition = ParseOr();
    ExpressionPtr otherwise;
    if (tokens_.SkipName("else")) otherwise = Parse();
    const int height = std::max({HeightOf(value), HeightOf(condition), HeightOf(otherwise)});
    value = Finish(MakeConditional(std::move(condition), std::move(value), std::move(otherwise)), line, height);
  }
  return value;
}

ExpressionPtr ExpressionParser::ParseWithoutCondition() {
  const TokenStream::Nested nested(tokens_);
  return ParseOr();
}

ExpressionPtr ExpressionParser::ParseTuple(bool with_condition) {
  const int line = tokens_.line();
  const auto parse = [&] { return with_condition ? Parse() : ParseWithoutCondition(); };
  ExpressionPtr first = parse();
  if (!tokens_.SeesOperator(",")) return first;
  std::vector<ExpressionPtr> items;
  items.push_back(std::move(first));
  while (tokens_.SkipOperator(",")) {
    const bool end = tokens_.Sees(Kind::kVariableEnd) || tokens_.Sees(Kind::kBlockEnd) || tokens_.SeesOperator(")") ||
                     tokens_.SeesName("if") || tokens_.SeesName("recursive");
    if (end) break;
    items.push_back(parse());
  }
  const int height = HeightOf(items);
  return Finish(MakeList(std::move(items), true), line, height);
}

ExpressionPtr ExpressionParser::ParseOr() {
  ExpressionPtr left = ParseAnd();
  while (tokens_.SeesName("or")) {
    const int line = tokens_.line();
    tokens_.Next();
    ExpressionPtr right = ParseAnd();
    const int height = std::max(HeightOf(left), HeightOf(right));
    left = Finish(MakeOr(std::move(left), std::move(right)), line, height);
  }
  return left;
}

ExpressionPtr ExpressionParser::ParseAnd() {
  ExpressionPtr left = ParseNot();
  while (tokens_.SeesName("and")) {
    const int line = tokens_.line();
    tokens_.Next();
    ExpressionPtr right = ParseNot();
    const int height = std::max(HeightOf(left), HeightOf(right));
    left = Finish(MakeAnd(std::move(left), std::move(right)), line, height);
  }
  return left;
}

ExpressionPtr ExpressionParser::ParseNot() {
  if (!tokens_.SeesName("not")) return ParseComparison();
  const TokenStream::Nested nested(tokens_);
  const int line = tokens_.line();
  tokens_.Next();
  ExpressionPtr operand = ParseNot();
  const int height = HeightOf(operand);
  return Finish(MakeNot(std::move(operand)), line, height);
}

bool ExpressionParser::SkipComparison(Comparison::Kind& kind) {
  static constexpr std::array<std::pair<std::string_view, Comparison::Kind>, 6> kOperators = {{
      {"==", Comparison::Kind::kEqual},
      {"!=", Comparison::Kind::kNotEqual},
      {"<", Comparison::Kind::kLess},
      {"<=", Comparison::Kind::kLessOrEqual},
      {">", Comparison::Kind::kGreater},
      {">=", Comparison::Kind::kGreaterOrEqual},
  }};
  for (const auto& [text, meaning] : kOperators) {
    kind = meaning;
    if (tokens_.SkipOperator(text)) return true;
  }
  kind = Comparison::Kind::kIn;
  if (tokens_.SkipName("in")) return true;
  if (!tokens_.SeesName("not") || tokens_.Peek(1).kind != Kind::kName || tokens_.Peek(1).text != "in") return false;
  tokens_.Next();
  tokens_.Next();
  kind = Comparison::Kind::kNotIn;
  return true;
}

ExpressionPtr ExpressionParser::ParseComparison() {
  const int line = tokens_.line();
  ExpressionPtr left = ParseSum();
  std::vector<Comparison> comparisons;
  int height = HeightOf(left);
  for (Comparison::Kind kind{}; SkipComparison(kind);) {
    comparisons.push_back({kind, ParseSum()});
    height = std::max(height, HeightOf(comparisons.back().right));
  }
  if (comparisons.empty()) return left;
  return Finish(MakeComparison(std::move(left), std::move(comparisons)), line, height);
}

ExpressionPtr ExpressionParser::ParseSum() {
  ExpressionPtr left = ParseConcatenation();
  while (tokens_.SeesOperator("+") || tokens_.SeesOperator("-")) {
    const int line = tokens_.line();
    const Arithmetic operation = tokens_.Next().text == "+" ? Arithmetic::kAdd : Arithmetic::kSubtract;
    ExpressionPtr right = ParseConcatenation();
    const int height = std::max(HeightOf(left), HeightOf(right));
    left = Finish(MakeArithmetic(operation, std::move(left), std::move(right)), line, height);
  }
  return left;
}

ExpressionPtr ExpressionParser::ParseConcatenation() {
  const int line = tokens_.line();
  std::vector<ExpressionPtr> parts;
  parts.push_back(ParseProduct());
  while (tokens_.SkipOperator("~")) parts.push_back(ParseProduct());
  if (parts.size() == 1) return std::move(parts.front());
  const int height = HeightOf(parts);
  return Finish(MakeConcatenation(std::move(parts)), line, height);
}

ExpressionPtr ExpressionParser::ParseProduct() {
  static constexpr std::array<std::pair<std::string_view, Arithmetic>, 4> kOperators = {
      {{"*", Arithmetic::kMultiply},
       {"/", Arithmetic::kDivide},
       {"//", Arithmetic::kFloorDivide},
       {"%", Arithmetic::kModulo}}};
  ExpressionPtr left = ParsePower();
  while (true) {
    const auto found = std::find_if(kOperators.begin(), kOperators.end(),
                                    [&](const auto& op) { return tokens_.SeesOperator(op.first); });
    if (found == kOperators.end()) return left;
    const int line = tokens_.line();
    tokens_.Next();
    ExpressionPtr right = ParsePower();
    const int height = std::max(HeightOf(left), HeightOf(right));
    left = Finish(MakeArithmetic(found->second, std::move(left), std::move(right)), line, height);
  }
}

ExpressionPtr ExpressionParser::ParsePower() {
  ExpressionPtr left = ParseUnary(true);
  while (tokens_.SeesOperator("**")) {
    const int line = tokens_.line();
    tokens_.Next();
    ExpressionPtr right = ParseUnary(true);
    const int height = std::max(HeightOf(left), HeightOf(right));
    left = Finish(MakeArithmetic(Arithmetic::kPower, std::move(left), std::move(right)), line, height);
  }
  return left;
}

ExpressionPtr ExpressionParser::ParseUnary(bool with_filters) {
  ExpressionPtr node;
  const int line = tokens_.line();
  if (tokens_.SeesOperator("-") || tokens_.SeesOperator("+")) {
    const TokenStream::Nested nested(tokens_);
    const bool negates = tokens_.Next().text == "-";
    node = ParseUnary(false);
    const int height = HeightOf(node);
    if (negates) node = Finish(MakeNegation(std::move(node)), line, height);
  } else {
    node = ParsePrimary();
  }
  node = ParsePostfix(std::move(node));
  return with_filters ? ParseFilters(std::move(node)) : std::move(node);
}

ExpressionPtr ExpressionParser::ParsePrimary() {
  const Token& token = tokens_.Peek();
  const int line = token.line;
  if (token.kind == Kind::kString) {
    std::string text;
    while (tokens_.Sees(Kind::kString)) text += tokens_.Next().text;  // those side by side are one
    return Finish(MakeConstant(Value(std::move(text))), line, 0);
  }
  if (token.kind == Kind::kInteger || token.kind == Kind::kFloat) return ParseNumber();
  if (token.kind == Kind::kName) {
    const std::string name = tokens_.Next().text;
    if (name == "true" || name == "True") return Finish(MakeConstant(true), line, 0);
    if (name == "false" || name == "False") return Finish(MakeConstant(false), line, 0);
    if (name == "none" || name == "None") return Finish(MakeConstant(Value()), line, 0);
    names_.insert(name);
    return Finish(MakeName(name), line, 0);
  }
  if (tokens_.SkipOperator("(")) return ParseParenthesized();
  if (tokens_.SkipOperator("[")) return ParseListLiteral();
  if (tokens_.SkipOperator("{")) return ParseDictLiteral();
  tokens_.Fail(StrCat("unexpected ", tokens_.Shown(), " where a value should be"));
}

ExpressionPtr ExpressionParser::ParseNumber() {
  const Token& token = tokens_.Next();
  const char* end = token.text.data() + token.text.size();
  if (token.kind == Kind::kInteger) {
    int64_t value = 0;
    if (std::from_chars(token.text.data(), end, value).ec != std::errc()) {
      tokens_.Fail(StrCat("the number ", token.text.substr(0, 40), " is larger than 64 bits hold"), token.line);
    }
    return Finish(MakeConstant(value), token.line, 0);
  }
  double value = 0;
  if (std::from_chars(token.text.data(), end, value).ec != std::errc()) {
    tokens_.Fail(StrCat("the number ", token.text.substr(0, 40), " is out of range"), token.line);
  }
  return Finish(MakeConstant(value), token.line, 0);
}

ExpressionPtr ExpressionParser::ParseParenthesized() {
  const int line = tokens_.line();
  if (tokens_.SkipOperator(")")) return Finish(MakeList({}, true), line, 0);
  ExpressionPtr node = ParseTuple();
  tokens_.ExpectOperator(")");
  return node;
}

ExpressionPtr ExpressionParser::ParseListLiteral() {
  const int line = tokens_.line();
  std::vector<ExpressionPtr> items;
  while (!tokens_.SkipOperator("]")) {
    if (!items.empty()) tokens_.ExpectOperator(",");
    if (!items.empty() && tokens_.SkipOperator("]")) break;
    items.push_back(Parse());
  }
  const int height = HeightOf(items);
  return Finish(MakeList(std::move(items), false), line, height);
}

ExpressionPtr ExpressionParser::ParseDictLiteral() {
  const int line = tokens_.line();
  std::vector<ExpressionPtr> keys;
  std::vector<ExpressionPtr> values;
  while (!tokens_.SkipOperator("}")) {
    if (!keys.empty()) tokens_.ExpectOperator(",");
    if (!keys.empty() && tokens_.SkipOperator("}")) break;
    keys.push_back(Parse());
    tokens_.ExpectOperator(":");
    values.push_back(Parse());
  }
  const int height = std::max(HeightOf(keys), HeightOf(values));
  return Finish(MakeDict(std::move(keys), std::move(values)), line, height);
}

ExpressionPtr ExpressionParser::ParsePostfix(ExpressionPtr node, bool with_calls) {
  while (true) {
    const int line = tokens_.line();
    if (tokens_.SkipOperator(".")) {
      if (tokens_.Sees(Kind::kInteger)) {
        ExpressionPtr index = ParseNumber();
        const int height = HeightOf(node);
        node = Finish(MakeSubscript(std::move(node), std::move(index)), line, height);
        continue;
      }
      std::string name = tokens_.TakeName("the name of a member");
      const int height = HeightOf(node);
      node = Finish(MakeMember(std::move(node), std::move(name)), line, height);
    } else if (tokens_.SkipOperator("[")) {
      node = ParseSubscript(std::move(node));
    } else if (with_calls && tokens_.SeesOperator("(")) {
      CallArguments arguments = ParseArguments();
      const int height = std::max(HeightOf(node), HeightOf(arguments));
      node = Finish(MakeCall(std::move(node), std::move(arguments)), line, height);
    } else {
      return node;
    }
  }
}

ExpressionPtr ExpressionParser::ParseSubscript(ExpressionPtr target) {
  const int line = tokens_.line();
  std::array<ExpressionPtr, 3> parts;
  size_t colons = 0;
  while (!tokens_.SeesOperator("]")) {
    if (tokens_.SkipOperator(":")) {
      if (++colons > 2) tokens_.Fail("a slice has at most three parts");
    } else if (parts[colons] == nullptr) {
      parts[colons] = Parse();
    } else {
      tokens_.Fail(StrCat("expected ']', not ", tokens_.Shown()));
    }
  }
  tokens_.ExpectOperator("]");
  const int height = std::max({HeightOf(target), HeightOf(parts[0]), HeightOf(parts[1]), HeightOf(parts[2])});
  if (colons > 0) {
    return Finish(MakeSlice(std::move(target), std::move(parts[0]), std::move(parts[1]), std::move(parts[2])), line,
                  height);
  }
  if (parts[0] == nullptr) tokens_.Fail("an index is missing between [ and ]");
  return Finish(MakeSubscript(std::move(target), std::move(parts[0])), line, height);
}

CallArguments ExpressionParser::ParseArguments() {
  const TokenStream::Nested nested(tokens_);
  CallArguments arguments;
  tokens_.ExpectOperator("(");
  bool first = true;
  while (!tokens_.SkipOperator(")")) {
    if (!std::exchange(first, false)) {
      tokens_.ExpectOperator(",");
      if (tokens_.SkipOperator(")")) break;
    }
    if (tokens_.SeesOperator("*") || tokens_.SeesOperator("**")) {
      tokens_.Fail("arguments from a list or dict (*, **) are not supported");
    }
    const Token& next = tokens_.Peek(1);
    if (tokens_.Sees(Kind::kName) && next.kind == Kind::kOperator && next.text == "=") {
      std::string name = tokens_.Next().text;
      tokens_.Next();
      arguments.keyword.emplace_back(std::move(name), Parse());
    } else if (arguments.keyword.empty()) {
      arguments.positional.push_back(Parse());
    } else {
      tokens_.Fail("an argument without a name follows one with a name");
    }
  }
  return arguments;
}

ExpressionPtr ExpressionParser::ParseCallee() { return ParsePostfix(ParsePrimary(), false); }

ExpressionPtr ExpressionParser::ParseFilters(ExpressionPtr node) {
  while (true) {
    const int line = tokens_.line();
    if (tokens_.SkipOperator("|")) {
      std::string name = tokens_.TakeName("the name of a filter");
      while (tokens_.SkipOperator(".")) {
        name += '.';
        name += tokens_.TakeName("the name of a filter");
      }
      CallArguments arguments;
      if (tokens_.SeesOperator("(")) arguments = ParseArguments();
      const int height = std::max(HeightOf(node), HeightOf(arguments));
      node = Finish(MakeFilter(std::move(node), std::move(name), std::move(arguments)), line, height);
    } else if (tokens_.SkipName("is")) {
      node = ParseTest(std::move(node));
    } else if (tokens_.SeesOperator("(")) {
      CallArguments arguments = ParseArguments();
      const int height = std::max(HeightOf(node), HeightOf(arguments));
      node = Finish(MakeCall(std::move(node), std::move(arguments)), line, height);
    } else {
      return node;
    }
  }
}

ExpressionPtr ExpressionParser::ParseTest(ExpressionPtr node) {
  const int line = tokens_.line();
  const bool negated = tokens_.SkipName("not");
  std::string name = tokens_.TakeName("the name of a test");
  CallArguments arguments;
  const auto begins_argument = [&] {
    const Kind kind = tokens_.Peek().kind;
    if (kind == Kind::kString || kind == Kind::kInteger || kind == Kind::kFloat) return true;
    if (kind == Kind::kName) {
      for (const char* word : {"else", "or", "and", "is", "if"}) {
        if (tokens_.SeesName(word)) return false;
      }
      return true;
    }
    return tokens_.SeesOperator("[") || tokens_.SeesOperator("{");
  };
  if (tokens_.SeesOperator("(")) {
    arguments = ParseArguments();
  } else if (begins_argument()) {
    const TokenStream::Nested nested(tokens_);
    arguments.positional.push_back(ParsePostfix(ParsePrimary()));
  }
  const int height = std::max(HeightOf(node), HeightOf(arguments));
  return Finish(MakeTest(std::move(node), std::move(name), std::move(arguments), negated), line, height);
}

}  // namespace w8a16::jinja
