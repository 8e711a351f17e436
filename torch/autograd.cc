// What lies above the kernels of w8a16::linear: reverse- and forward-mode gradients, and autocast.
#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>

#include "operator.h"

namespace w8a16 {
namespace {

using at::Tensor;

// (grad * scales) @ q, in float32 (float64 for float64), over blocks of rows of q so that no float copy of all weights
// is ever made.
Tensor GradX(const Tensor& grad, const Tensor& int8_weights, const Tensor& scales) {
  constexpr int64_t kBlockElements = int64_t{1} << 23;
  const auto compute = grad.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const Tensor scaled = grad.to(compute) * scales.to(compute);
  const int64_t n = int8_weights.size(0);
  const int64_t block = std::max<int64_t>(1, kBlockElements / std::max<int64_t>(1, int8_weights.size(1)));
  Tensor sum;
  for (int64_t begin = 0; begin == 0 || begin < n; begin += block) {
    const int64_t rows = std::min(block, n - begin);
    const Tensor part = at::matmul(scaled.narrow(-1, begin, rows), int8_weights.narrow(0, begin, rows).to(compute));
    sum = sum.defined() ? sum + part : part;
  }
  return sum;
}

class LinearFunction : public torch::autograd::Function<LinearFunction> {
 public:
  static Tensor forward(torch::autograd::AutogradContext* ctx, const Tensor& x, const Tensor& int8_weights,
                        const Tensor& scales, const OptionalTensor& bias, int64_t activation_bits) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    ctx->save_for_backward({int8_weights, scales});
    ctx->saved_data["x_dtype"] = static_cast<int64_t>(x.scalar_type());
    if (bias.has_value() && bias->defined()) {
      ctx->saved_data["bias_dtype"] = static_cast<int64_t>(bias->scalar_type());
    }
    return CallLinear(x, int8_weights, scales, bias, activation_bits);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list grads) {
    const auto dtype = [ctx](const char* key) { return static_cast<at::ScalarType>(ctx->saved_data[key].toInt()); };
    const Tensor& grad = grads[0];
    torch::autograd::variable_list inputs(5);
    if (!grad.defined()) return inputs;
    const auto saved = ctx->get_saved_variables();
    if (ctx->needs_input_grad(0)) inputs[0] = GradX(grad, saved[0], saved[1]).to(dtype("x_dtype"));
    if (ctx->saved_data.count("bias_dtype") != 0 && ctx->needs_input_grad(3)) {
      const Tensor rows = grad.reshape({-1, saved[0].size(0)});
      inputs[3] = rows.to(at::kFloat).sum(0).to(dtype("bias_dtype"));
    }
    return inputs;
  }
};

bool NeedsGradient(const Tensor& tensor) { return tensor.defined() && tensor.requires_grad(); }

// The forward-mode derivative of a tensor; undefined where it has none.
Tensor TangentOf(const Tensor& tensor) { return tensor.defined() ? tensor._fw_grad(/*level=*/0) : Tensor(); }

Tensor Reverse(const Tensor& x, const Tensor& int8_weights, const Tensor& scales, const Tensor& bias,
               int64_t activation_bits) {
  const OptionalTensor optional_bias = bias.defined() ? OptionalTensor(bias) : std::nullopt;
  if (at::GradMode::is_enabled() && (NeedsGradient(x) || NeedsGradient(bias))) {
    return LinearFunction::apply(x, int8_weights, scales, optional_bias, activation_bits);
  }
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  return CallLinear(x, int8_weights, scales, optional_bias, activation_bits);
}

}  // namespace

Tensor LinearAutograd(const Tensor& x, const Tensor& int8_weights, const Tensor& scales,
                      const OptionalTensor& optional_bias, int64_t activation_bits) {
  const Tensor bias = optional_bias.value_or(Tensor());
  Check(!(at::GradMode::is_enabled() && NeedsGradient(scales)) && !TangentOf(scales).defined(),
        "w8a16::linear: scales require a gradient, which quantized layers do not give; call "
        "scales.requires_grad_(false)");
  const Tensor x_tangent = TangentOf(x);
  const Tensor bias_tangent = TangentOf(bias);
  if (!x_tangent.defined() && !bias_tangent.defined()) return Reverse(x, int8_weights, scales, bias, activation_bits);

  // C++ autograd functions have no forward mode: they see values without tangents. y is linear in x, so its tangent is
  // the layer of x's, without the bias.
  const Tensor x_value = x._fw_primal(/*level=*/0);
  const Tensor bias_value = bias.defined() ? bias._fw_primal(/*level=*/0) : Tensor();
  const Tensor y = Reverse(x_value, int8_weights, scales, bias_value, activation_bits);
  Tensor tangent;
  if (x_tangent.defined()) tangent = CallLinear(x_tangent, int8_weights, scales, std::nullopt, activation_bits);
  if (bias_tangent.defined()) {
    const Tensor rows = bias_tangent.to(y.scalar_type()).expand_as(y);
    tangent = tangent.defined() ? tangent + rows : rows.contiguous();
  }
  y._set_fw_grad(tangent, /*level=*/0, /*is_inplace_op=*/false);
  return y;
}

namespace {

// Inside torch.autocast x gets autocast's dtype, and y with it, as those of torch.nn.functional.linear do.
template <c10::DeviceType kDevice, c10::DispatchKey kKey>
Tensor LinearAutocast(const Tensor& x, const Tensor& int8_weights, const Tensor& scales, const OptionalTensor& bias,
                      int64_t activation_bits) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(kKey);
  const auto type = at::autocast::get_autocast_dtype(kDevice);
  const bool casts = x.device().type() == kDevice && IsComputeType(x.scalar_type()) && IsComputeType(type);
  return CallLinear(casts ? x.to(type) : x, int8_weights, scales, bias, activation_bits);
}

}  // namespace

Tensor LinearAutocastCpu(const Tensor& x, const Tensor& int8_weights, const Tensor& scales, const OptionalTensor& bias,
                         int64_t activation_bits) {
  return LinearAutocast<at::kCPU, c10::DispatchKey::AutocastCPU>(x, int8_weights, scales, bias, activation_bits);
}

Tensor LinearAutocastCuda(const Tensor& x, const Tensor& int8_weights, const Tensor& scales, const OptionalTensor& bias,
                          int64_t activation_bits) {
  return LinearAutocast<at::kCUDA, c10::DispatchKey::AutocastCUDA>(x, int8_weights, scales, bias, activation_bits);
}

}  // namespace w8a16
