#include "exclusion.h"

#include <algorithm>

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

// Does `name` start `full_name`, ending at one of its dots or its end?
bool IsPathPrefix(std::string_view name, std::string_view full_name) {
  return full_name.starts_with(name) && (full_name.size() == name.size() || full_name[name.size()] == '.');
}

bool Covers(std::string_view name, std::string_view full_name) {
  if (IsPathPrefix(name, full_name)) return true;
  if (name.find('.') != std::string_view::npos) return false;
  for (size_t dot = full_name.find('.'); dot != std::string_view::npos; dot = full_name.find('.', dot + 1)) {
    if (IsPathPrefix(name, full_name.substr(dot + 1))) return true;
  }
  return false;
}

}  // namespace

Exclusion::Exclusion(const std::vector<std::string>& names) {
  for (const std::string& text : names) {
    Name name{text, text.starts_with("re:"), {}, false};
    if (name.is_pattern) {
      try {
        name.pattern = std::regex(text.substr(3));
      } catch (const std::regex_error& error) {
        throw Error(StrCat("names_to_exclude: \"", text, "\" is not a regular expression: ", error.what()));
      }
    }
    names_.push_back(std::move(name));
  }
}

const std::string* Exclusion::Match(std::string_view full_name) {
  const std::string* found = nullptr;
  for (Name& name : names_) {
    const bool matches = name.is_pattern ? std::regex_search(full_name.begin(), full_name.end(), name.pattern,
                                                             std::regex_constants::match_continuous)
                                         : Covers(name.text, full_name);
    if (!matches) continue;
    name.matched = true;
    if (found == nullptr) found = &name.text;
  }
  return found;
}

std::vector<std::string> Exclusion::Warnings(const std::vector<std::string>& module_names) const {
  std::vector<std::string> candidates;
  for (const std::string& full_name : module_names) {
    candidates.push_back(full_name);
    candidates.push_back(full_name.substr(full_name.rfind('.') + 1));
  }
  std::sort(candidates.begin(), candidates.end());
  candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
  std::vector<std::string> warnings;
  for (const Name& name : names_) {
    if (name.matched) continue;
    std::string warning = StrCat("names_to_exclude: \"", name.text, "\" matches no linear layer");
    const std::vector<std::string> near = NearMisses(name.text, candidates, 3);
    if (!near.empty()) warning += StrCat("; did you mean ", Join(near, ", "), "?");
    warnings.push_back(std::move(warning));
  }
  return warnings;
}

}  // namespace w8a16
