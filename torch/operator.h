#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <tuple>

#include "base/strings.h"
#include "w8a16/dtype.h"
#include "w8a16/error.h"

namespace w8a16 {

/// What the files of the operators w8a16::linear and w8a16::quantize share: operator.cc has the schemas, the checks and
/// the kernels for CPU; fallback.cc those for other devices; autograd.cc what lies above them, gradients and autocast.

using OptionalTensor = std::optional<at::Tensor>;
using TensorPair = std::tuple<at::Tensor, at::Tensor>;

template <class... Parts>
void Check(bool condition, const Parts&... parts) {
  if (!condition) throw Error(StrCat(parts...));
}

/// Is this one of the three dtypes that the operators compute with?
bool IsComputeType(at::ScalarType type);

/// Throws Error unless the arguments of w8a16::linear fit together, from metadata alone: it holds for every device, and
/// sizes may be symbolic under torch.compile.
void CheckLinear(const at::Tensor& x, const at::Tensor& int8_weights, const at::Tensor& scales,
                 const OptionalTensor& bias, int64_t activation_bits);
void CheckQuantize(const at::Tensor& weights);

/// Compositions of PyTorch's own operators, for devices without kernels of ours.
at::Tensor LinearComposite(const at::Tensor& x, const at::Tensor& int8_weights, const at::Tensor& scales,
                           const OptionalTensor& bias, int64_t activation_bits);
TensorPair QuantizeComposite(const at::Tensor& weights);

/// What lies above the kernels: reverse- and forward-mode gradients, and autocast.
at::Tensor LinearAutograd(const at::Tensor& x, const at::Tensor& int8_weights, const at::Tensor& scales,
                          const OptionalTensor& bias, int64_t activation_bits);
at::Tensor LinearAutocastCpu(const at::Tensor& x, const at::Tensor& int8_weights, const at::Tensor& scales,
                             const OptionalTensor& bias, int64_t activation_bits);
at::Tensor LinearAutocastCuda(const at::Tensor& x, const at::Tensor& int8_weights, const at::Tensor& scales,
                              const OptionalTensor& bias, int64_t activation_bits);

/// w8a16::linear through the dispatcher.
at::Tensor CallLinear(const at::Tensor& x, const at::Tensor& int8_weights, const at::Tensor& scales,
                      const OptionalTensor& bias, int64_t activation_bits);

}  // namespace w8a16
