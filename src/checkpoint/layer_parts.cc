#include "checkpoint/layer_parts.h"

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {

const TensorInfo* LayerParts::Part(std::string_view part) const { return checkpoint_.Find(StrCat(module_, ".", part)); }

const TensorInfo& LayerParts::Required(std::string_view part, const TensorInfo& beside) const {
  const TensorInfo* tensor = Part(part);
  if (tensor == nullptr) {
    Fail(beside, StrCat("the checkpoint has no \"", module_, ".", part, "\" to go with it; download it again"));
  }
  return *tensor;
}

void LayerParts::Fail(const TensorInfo& tensor, const std::string& reason) const {
  throw Error(StrCat((checkpoint_.directory() / tensor.file).string(), ": tensor \"", tensor.name, "\": ", reason));
}

}  // namespace w8a16
