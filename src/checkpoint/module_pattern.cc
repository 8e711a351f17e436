#include <regex>
#include <string>

#include "base/strings.h"
#include "w8a16/checkpoint.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

constexpr std::string_view kExpressionPrefix = "re:";
// The compiler of expressions recurses over them.
constexpr size_t kMaxExpression = 1000;

#ifdef __GLIBCXX__
// Its default matcher takes exponential time for some expressions and recurses once for each character of the text.
constexpr auto kSyntax = std::regex::ECMAScript | std::regex_constants::__polynomial;
#else
constexpr auto kSyntax = std::regex::ECMAScript;
#endif

bool MatchesExpression(std::string_view expression, std::string_view module) {
  if (expression.size() > kMaxExpression) {
    throw Error(
        StrCat("the pattern \"re:", expression.substr(0, 40), "...\" is longer than ", kMaxExpression, " bytes"));
  }
  try {
    const std::regex compiled(expression.begin(), expression.end(), kSyntax);
    return std::regex_search(module.begin(), module.end(), compiled, std::regex_constants::match_continuous);
  } catch (const std::regex_error& error) {
    throw Error(StrCat("the pattern \"re:", expression,
                       "\" is not a regular expression that is understood here: ", error.what()));
  }
}

}  // namespace

bool MatchesModule(std::string_view pattern, std::string_view module) {
  if (pattern.starts_with(kExpressionPrefix)) {
    return MatchesExpression(pattern.substr(kExpressionPrefix.size()), module);
  }
  if (pattern.empty()) return false;
  return pattern == module || pattern == module.substr(module.rfind('.') + 1);
}

}  // namespace w8a16
