#pragma once

#include <string>
#include <string_view>

#include "w8a16/checkpoint.h"

namespace w8a16 {

/// The tensors of one module, for what reads quantized layers.
class LayerParts {
 public:
  LayerParts(const Checkpoint& checkpoint, std::string_view module) : checkpoint_(checkpoint), module_(module) {}

  const Checkpoint& checkpoint() const { return checkpoint_; }
  std::string_view module() const { return module_; }
  /// `module`.`part`, or null.
  const TensorInfo* Part(std::string_view part) const;
  /// `module`.`part`; throws Error, naming `beside`, where there is none.
  const TensorInfo& Required(std::string_view part, const TensorInfo& beside) const;
  /// Throws Error naming the file and the tensor.
  [[noreturn]] void Fail(const TensorInfo& tensor, const std::string& reason) const;

 private:
  const Checkpoint& checkpoint_;
  std::string_view module_;
};

}  // namespace w8a16
