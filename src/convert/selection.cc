#include "convert/selection.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "base/strings.h"

namespace w8a16 {
namespace {

constexpr std::string_view kExpressionPrefix = "re:";

// One of the user's patterns, and whether it selected anything.
struct Pattern {
  const char* option;
  std::string text;
  bool matched = false;
};

std::vector<Pattern> Patterns(const char* option, const std::vector<std::string>& texts) {
  std::vector<Pattern> patterns;
  for (const std::string& text : texts) {
    MatchesModule(text, "");  // a malformed pattern is an error even where there is no module to compare with
    patterns.push_back({option, text});
  }
  return patterns;
}

// The first pattern that selects the module; all that do are marked.
const Pattern* FirstMatch(std::vector<Pattern>& patterns, const std::string& module) {
  const Pattern* first = nullptr;
  for (Pattern& pattern : patterns) {
    if (!MatchesModule(pattern.text, module)) continue;
    pattern.matched = true;
    if (first == nullptr) first = &pattern;
  }
  return first;
}

std::string Hint(const std::string& pattern, const ModelModules& modules) {
  if (pattern.starts_with(kExpressionPrefix)) {
    const std::string anywhere = StrCat("re:.*(?:", pattern.substr(kExpressionPrefix.size()), ")");
    for (const WeightModule& module : modules.modules) {
      if (!MatchesModule(anywhere, module.name)) continue;
      return StrCat("an expression matches a full name from its start; \"re:.*",
                    pattern.substr(kExpressionPrefix.size()), "\" would select ", module.name);
    }
    return "";
  }
  std::vector<std::string> names;
  std::set<std::string_view> seen;
  // Last parts are what most patterns are; full names are near only to full names.
  const bool full = pattern.find('.') != std::string::npos;
  for (const WeightModule& module : modules.modules) {
    const std::string_view name = module.name;
    const std::string_view candidate = full ? name : name.substr(name.rfind('.') + 1);
    if (seen.insert(candidate).second) names.emplace_back(candidate);
  }
  const std::vector<std::string> near = NearMisses(pattern, names, 3);
  return near.empty() ? "" : StrCat("the nearest names are ", Join(near, ", "));
}

}  // namespace

Selection SelectModules(const ModelModules& modules, const ConvertOptions& options) {
  std::vector<Pattern> ignore = Patterns("--ignore", options.ignore);
  std::vector<Pattern> only = Patterns("--only", options.only);
  Selection selection;
  for (const WeightModule& module : modules.modules) {
    const Pattern* ignored = FirstMatch(ignore, module.name);
    const Pattern* wanted = FirstMatch(only, module.name);
    std::string reason = module.stays_float;
    if (reason.empty() && module.head && options.default_ignore) {
      reason = "output head (--no-default-ignore quantizes it)";
    }
    if (reason.empty() && ignored != nullptr) reason = StrCat("--ignore ", ignored->text);
    if (reason.empty() && !only.empty() && wanted == nullptr) reason = "not selected by --only";
    if (reason.empty()) {
      selection.layers.push_back(module);
    } else {
      selection.ignored.push_back({module.name, reason});
    }
  }
  for (const std::vector<Pattern>* patterns : {&ignore, &only}) {
    for (const Pattern& pattern : *patterns) {
      if (pattern.matched) continue;
      selection.unmatched.push_back({pattern.option, pattern.text, Hint(pattern.text, modules)});
    }
  }
  return selection;
}

}  // namespace w8a16
