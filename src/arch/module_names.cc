#include "arch/module_names.h"

#include <initializer_list>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "w8a16/checkpoint.h"

namespace w8a16 {
namespace {

// What comes before module `name` wherever the checkpoint has one.
std::vector<std::string> Prefixes(const Checkpoint& checkpoint, const std::string& name,
                                  std::initializer_list<std::string_view> tensors) {
  std::vector<std::string> prefixes;
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    for (const std::string_view kind : tensors) {
      const std::string suffix = StrCat(name, ".", kind);
      if (!tensor.name.ends_with(suffix)) continue;
      std::string prefix = tensor.name.substr(0, tensor.name.size() - suffix.size());
      if (prefix.empty() || prefix.back() == '.') prefixes.push_back(std::move(prefix));
    }
  }
  return prefixes;
}

}  // namespace

std::string ModuleNames::Outer(const std::string& name) const { return name.empty() ? "" : prefix + name; }

std::string ModuleNames::Block(int64_t layer, const std::string& name) const {
  return name.empty() ? "" : StrCat(prefix, layers, ".", layer, ".", name);
}

void ModuleNames::Align(const Checkpoint& checkpoint) {
  if (const auto found = Prefixes(checkpoint, embedding, {"weight"}); found.size() == 1) prefix = found[0];
  const auto found = Prefixes(checkpoint, head, {"weight", "weight_packed"});
  if (found.size() == 1) head = found[0] + head;
}

}  // namespace w8a16
