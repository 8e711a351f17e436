#include "w8a16/tensor.h"

#include "base/strings.h"

namespace w8a16 {

std::string ShapeString(const std::vector<int64_t>& shape) {
  std::vector<std::string> dims;
  dims.reserve(shape.size());
  for (int64_t d : shape) dims.push_back(std::to_string(d));
  return StrCat("[", Join(dims, ", "), "]");
}

}  // namespace w8a16
