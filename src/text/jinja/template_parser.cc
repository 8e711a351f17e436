#include "text/jinja/template_parser.h"

#include <array>
#include <initializer_list>
#include <utility>

#include "base/strings.h"
#include "text/jinja/expression_parser.h"

namespace w8a16::jinja {
namespace {

using Kind = Token::Kind;

class TemplateParser {
 public:
  TemplateParser(std::string_view text, std::string_view source) : tokens_(text, source), expressions_(tokens_) {}

  Block Parse() {
    Block block = ParseBlock({});
    if (!tokens_.Sees(Kind::kEnd)) tokens_.Fail(StrCat("unexpected ", tokens_.Shown()));
    return block;
  }

 private:
  // Statements up to a tag with one of the names `ends` (which is left, its {% taken) or, with none, to the end of the
  // template.
  Block ParseBlock(std::initializer_list<std::string_view> ends) {
    const TokenStream::Nested nested(tokens_);
    Block block;
    while (!tokens_.Sees(Kind::kEnd)) {
      const int line = tokens_.line();
      std::unique_ptr<Statement> statement;
      if (tokens_.Sees(Kind::kData)) {
        statement = MakeData(tokens_.Next().text);
      } else if (tokens_.Sees(Kind::kVariableBegin)) {
        tokens_.Next();
        statement = MakePrint(expressions_.ParseTuple());
        tokens_.Expect(Kind::kVariableEnd);
      } else {
        tokens_.Expect(Kind::kBlockBegin);
        for (const std::string_view end : ends) {
          if (tokens_.SeesName(end)) return block;
        }
        statement = ParseStatement();
      }
      statement->line = line;
      block.push_back(std::move(statement));
    }
    if (ends.size() > 0) tokens_.Fail(StrCat("{% ", *(ends.end() - 1), " %} is missing"));
    return block;
  }

  // A body and its end tag.
  Block ParseBody(std::string_view end) {
    Block body = ParseBlock({end});
    tokens_.ExpectName(end);
    tokens_.Expect(Kind::kBlockEnd);
    return body;
  }

  std::unique_ptr<Statement> ParseStatement() {
    const int line = tokens_.line();
    const std::string name = tokens_.TakeName("the name of a tag");
    if (name == "for") return ParseFor();
    if (name == "if") return ParseIf();
    if (name == "set") return ParseSet();
    if (name == "macro") return ParseMacro();
    if (name == "call") return ParseCall();
    if (name == "filter") return ParseFilter();
    if (name == "with") return ParseWith();
    if (name == "generation") return ParseGeneration();
    if (name == "break" || name == "continue") return ParseFlow(name);
    if (name.starts_with("end") || name == "else" || name == "elif") {
      tokens_.Fail(StrCat("{% ", name, " %} has no beginning"), line);
    }
    tokens_.Fail(StrCat("the tag '", name.substr(0, 40),
                        "' is not supported; supported: for, if, set, macro, call, filter, with, raw, generation, "
                        "break, continue"),
                 line);
  }

  Target ParseTarget() {
    Target target;
    const bool parentheses = tokens_.SkipOperator("(");
    target.names.push_back(tokens_.TakeName("a name"));
    if (!parentheses && tokens_.SkipOperator(".")) {
      target.member = tokens_.TakeName("the name of a member");
      return target;
    }
    while (tokens_.SkipOperator(",")) {
      target.unpacks = true;
      if (!tokens_.Sees(Kind::kName) || tokens_.SeesName("in")) break;
      target.names.push_back(tokens_.TakeName("a name"));
    }
    if (parentheses) tokens_.ExpectOperator(")");
    return target;
  }

  std::unique_ptr<Statement> ParseFor() {
    ForLoop loop;
    loop.target = ParseTarget();
    if (!loop.target.member.empty()) tokens_.Fail("a loop cannot set a member");
    tokens_.ExpectName("in");
    loop.items = expressions_.ParseTuple(false);
    if (tokens_.SkipName("if")) loop.condition = expressions_.Parse();
    loop.recursive = tokens_.SkipName("recursive");
    tokens_.Expect(Kind::kBlockEnd);
    ++loops_;
    loop.body = ParseBlock({"else", "endfor"});
    --loops_;
    if (tokens_.SkipName("else")) {
      tokens_.Expect(Kind::kBlockEnd);
      loop.otherwise = ParseBlock({"endfor"});
    }
    tokens_.ExpectName("endfor");
    tokens_.Expect(Kind::kBlockEnd);
    return MakeFor(std::move(loop));
  }

  std::unique_ptr<Statement> ParseIf() {
    std::vector<Branch> branches;
    while (true) {
      ExpressionPtr condition = expressions_.ParseTuple();
      tokens_.Expect(Kind::kBlockEnd);
      branches.push_back({std::move(condition), ParseBlock({"elif", "else", "endif"})});
      if (!tokens_.SkipName("elif")) break;
    }
    if (tokens_.SkipName("else")) {
      tokens_.Expect(Kind::kBlockEnd);
      branches.push_back({nullptr, ParseBlock({"endif"})});
    }
    tokens_.ExpectName("endif");
    tokens_.Expect(Kind::kBlockEnd);
    return MakeIf(std::move(branches));
  }

  std::unique_ptr<Statement> ParseSet() {
    Target target = ParseTarget();
    if (tokens_.SkipOperator("=")) {
      ExpressionPtr value = expressions_.ParseTuple();
      tokens_.Expect(Kind::kBlockEnd);
      return MakeSet(std::move(target), std::move(value));
    }
    std::vector<FilterCall> filters = ParseFilterCalls();
    tokens_.Expect(Kind::kBlockEnd);
    return MakeSetBlock(std::move(target), std::move(filters), ParseBody("endset"));
  }

  // | name(arguments) | name ...
  std::vector<FilterCall> ParseFilterCalls() {
    std::vector<FilterCall> filters;
    while (tokens_.SkipOperator("|")) filters.push_back(ParseFilterCall());
    return filters;
  }

  FilterCall ParseFilterCall() {
    FilterCall filter;
    filter.line = tokens_.line();
    filter.name = tokens_.TakeName("the name of a filter");
    if (tokens_.SeesOperator("(")) filter.arguments = expressions_.ParseArguments();
    return filter;
  }

  // (a, b=1)
  std::vector<MacroParameter> ParseParameters() {
    std::vector<MacroParameter> parameters;
    tokens_.ExpectOperator("(");
    while (!tokens_.SkipOperator(")")) {
      if (!parameters.empty()) tokens_.ExpectOperator(",");
      MacroParameter parameter{tokens_.TakeName("the name of a parameter"), nullptr};
      if (tokens_.SkipOperator("=")) {
        parameter.otherwise = expressions_.Parse();
      } else if (!parameters.empty() && parameters.back().otherwise != nullptr) {
        tokens_.Fail("a parameter without a default follows one with a default");
      }
      parameters.push_back(std::move(parameter));
    }
    return parameters;
  }

  // The body of what is called: names and loops around it are not its own.
  void ParseMacroBody(MacroDefinition& macro, std::string_view end) {
    tokens_.Expect(Kind::kBlockEnd);
    std::set<std::string> names = std::exchange(expressions_.names(), {});
    const int loops = std::exchange(loops_, 0);
    macro.body = ParseBody(end);
    loops_ = loops;
    macro.uses_varargs = expressions_.names().count("varargs") > 0;
    macro.uses_kwargs = expressions_.names().count("kwargs") > 0;
    expressions_.names() = std::move(names);
  }

  std::unique_ptr<Statement> ParseMacro() {
    MacroDefinition macro;
    macro.name = tokens_.TakeName("the name of a macro");
    macro.parameters = ParseParameters();
    ParseMacroBody(macro, "endmacro");
    return MakeMacro(std::move(macro));
  }

  std::unique_ptr<Statement> ParseCall() {
    MacroDefinition body;
    body.name = "caller";
    if (tokens_.SeesOperator("(")) body.parameters = ParseParameters();
    ExpressionPtr callee = expressions_.ParseCallee();
    if (!tokens_.SeesOperator("(")) tokens_.Fail("a call block calls a macro: expected '('");
    CallArguments arguments = expressions_.ParseArguments();
    ParseMacroBody(body, "endcall");
    return MakeCallBlock(std::move(callee), std::move(arguments), std::move(body));
  }

  std::unique_ptr<Statement> ParseFilter() {
    std::vector<FilterCall> filters;
    filters.push_back(ParseFilterCall());
    for (FilterCall& filter : ParseFilterCalls()) filters.push_back(std::move(filter));
    tokens_.Expect(Kind::kBlockEnd);
    return MakeFilterBlock(std::move(filters), ParseBody("endfilter"));
  }

  std::unique_ptr<Statement> ParseWith() {
    std::vector<std::pair<Target, ExpressionPtr>> variables;
    while (!tokens_.Sees(Kind::kBlockEnd)) {
      if (!variables.empty()) tokens_.ExpectOperator(",");
      Target target;
      target.names.push_back(tokens_.TakeName("a name"));
      tokens_.ExpectOperator("=");
      variables.emplace_back(std::move(target), expressions_.Parse());
    }
    tokens_.Expect(Kind::kBlockEnd);
    return MakeWith(std::move(variables), ParseBody("endwith"));
  }

  // It marks what an assistant said, for training; here it is a block with variables of its own.
  std::unique_ptr<Statement> ParseGeneration() {
    tokens_.Expect(Kind::kBlockEnd);
    const int loops = std::exchange(loops_, 0);
    Block body = ParseBody("endgeneration");
    loops_ = loops;
    return MakeWith({}, std::move(body));
  }

  std::unique_ptr<Statement> ParseFlow(const std::string& name) {
    if (loops_ == 0) tokens_.Fail(StrCat("'", name, "' outside a loop"));
    tokens_.Expect(Kind::kBlockEnd);
    return MakeFlow(name == "break" ? Flow::kBreak : Flow::kContinue);
  }

  TokenStream tokens_;
  ExpressionParser expressions_;
  int loops_ = 0;  // around what is read
};

}  // namespace

Block ParseTemplate(std::string_view text, std::string_view source) { return TemplateParser(text, source).Parse(); }

}  // namespace w8a16::jinja
