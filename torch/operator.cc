// The operators w8a16::linear and w8a16::quantize: one schema each, a kernel of the native library for CPU, ATen
// compositions for other devices, shape functions, and the gradient.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/parallel.h"
#include "base/strings.h"
#include "w8a16/linear.h"
#include "w8a16/quantize.h"
#include "w8a16/torch.h"

namespace w8a16 {
namespace {

using at::Tensor;
// c10::optional or std::optional, whichever this PyTorch has.
using OptionalTensor = decltype(std::declval<const c10::IValue&>().toOptional<Tensor>());
using TensorPair = std::tuple<Tensor, Tensor>;

template <class... Parts>
void Check(bool condition, const Parts&... parts) {
  if (!condition) throw Error(StrCat(parts...));
}

bool ComputeDType(at::ScalarType type, DType& dtype) {
  switch (type) {
    case at::kFloat:
      dtype = DType::kF32;
      return true;
    case at::kHalf:
      dtype = DType::kF16;
      return true;
    case at::kBFloat16:
      dtype = DType::kBF16;
      return true;
    default:
      return false;
  }
}

DType RequireComputeDType(const Tensor& tensor, const char* what, const char* op) {
  DType dtype;
  Check(ComputeDType(tensor.scalar_type(), dtype), op, ": ", what, " is ", tensor.scalar_type(),
        "; it must be float32, bfloat16 or float16: convert it with .to()");
  return dtype;
}

// What holds for every device, from metadata alone; sizes may be symbolic under torch.compile, and numbers are kept out
// of conditions that do not need them.
void CheckLinear(const Tensor& x, const Tensor& int8_weights, const Tensor& scales, const OptionalTensor& bias) {
  constexpr const char* kOp = "w8a16::linear";
  Check(int8_weights.dim() == 2 && int8_weights.scalar_type() == at::kChar, kOp,
        ": int8_weights must be int8 [out_features, in_features], not ", int8_weights.scalar_type(), " of ",
        int8_weights.dim(), " dimensions; make them with w8a16::quantize");
  Check(x.dim() >= 1, kOp, ": x has no dimensions; its last one must be in_features");
  RequireComputeDType(x, "x", kOp);
  RequireComputeDType(scales, "scales", kOp);
  Check(x.sym_sizes().back() == int8_weights.sym_sizes()[1], kOp, ": the last dimension of x is ", x.sym_sizes().back(),
        ", but the layer has in_features = ", int8_weights.sym_sizes()[1]);
  Check(scales.dim() == 1 && scales.sym_sizes()[0] == int8_weights.sym_sizes()[0], kOp, ": scales has shape ",
        scales.sym_sizes(), ", but the layer has out_features = ", int8_weights.sym_sizes()[0]);
  Check(x.device() == int8_weights.device() && x.device() == scales.device(), kOp, ": x is on ", x.device(),
        ", int8_weights on ", int8_weights.device(), ", scales on ", scales.device(),
        "; move layer and input to one device with .to()");
  if (!bias.has_value() || !bias->defined()) return;
  RequireComputeDType(*bias, "bias", kOp);
  Check(bias->dim() == 1 && bias->sym_sizes()[0] == int8_weights.sym_sizes()[0], kOp, ": bias has shape ",
        bias->sym_sizes(), ", but the layer has out_features = ", int8_weights.sym_sizes()[0]);
  Check(bias->device() == x.device(), kOp, ": bias is on ", bias->device(), ", x on ", x.device(),
        "; move layer and input to one device with .to()");
}

void CheckQuantize(const Tensor& weights) {
  Check(weights.dim() == 2, "w8a16::quantize: weights must be [out_features, in_features], not of ", weights.dim(),
        " dimensions");
  RequireComputeDType(weights, "weights", "w8a16::quantize");
}

// PyTorch's number of threads governs. Where both use one OpenMP library this only makes sure that PyTorch has set its
// number in this thread; where PyTorch brings its own (pip), ours is told.
void FollowTorchThreads() {
  const int threads = at::in_parallel_region() ? 1 : at::get_num_threads();
  if (MaxThreads() != threads) SetMaxThreads(threads);
}

// A [rows, cols] view of rows without gaps inside, copied only where the tensor is not that already.
Tensor DenseRows(const Tensor& t) {
  const bool dense = t.dim() == 2 && t.stride(1) == 1 && t.stride(0) >= t.size(1);
  return dense ? t : t.contiguous();
}

Tensor LinearCpu(const Tensor& x, const Tensor& int8_weights, const Tensor& scales, const OptionalTensor& bias) {
  CheckLinear(x, int8_weights, scales, bias);
  const int64_t n = int8_weights.size(0);
  const int64_t k = int8_weights.size(1);
  const bool has_bias = bias.has_value() && bias->defined();

  at::DimVector shape(x.sizes().begin(), x.sizes().end());
  shape.back() = n;
  if (k == 0) {
    const Tensor zeros = at::zeros(shape, x.options());
    return has_bias ? zeros + bias->to(x.scalar_type()) : zeros;
  }
  Tensor y = at::empty(shape, x.options(), at::MemoryFormat::Contiguous);
  if (y.numel() == 0) return y;

  const Tensor rows = DenseRows(x);
  const Tensor weights = DenseRows(int8_weights);
  const Tensor dense_scales = scales.contiguous();
  Int8Weights layer;
  layer.data = weights.data_ptr();
  layer.out_features = n;
  layer.in_features = k;
  layer.row_stride = weights.stride(0);
  layer.scales = dense_scales.data_ptr();
  layer.scale_dtype = RequireComputeDType(dense_scales, "scales", "w8a16::linear");
  Check(LoadFloat(layer.scales, layer.scale_dtype, 0) > 0,
        "w8a16::linear: the layer has no weights yet; call quantize(weights) or load a state first");
  Tensor dense_bias;
  if (has_bias) {
    dense_bias = bias->contiguous();
    layer.bias = dense_bias.data_ptr();
    layer.bias_dtype = RequireComputeDType(dense_bias, "bias", "w8a16::linear");
  }
  const DType dtype = RequireComputeDType(x, "x", "w8a16::linear");
  const int64_t m = y.numel() / n;
  FollowTorchThreads();
  thread_local Workspace workspace;
  // A Linear of borrowed weights costs a copy of scales and bias: less than the check of their values that comes with
  // it.
  Linear(layer, "w8a16::linear")
      .Forward(ConstMatrix{rows.data_ptr(), dtype, m, k, rows.dim() == 2 ? rows.stride(0) : k},
               Matrix{y.data_ptr(), dtype, m, n, n}, workspace);
  return y;
}

// Other devices: the dequantized layer in float32, whatever x is, since int8 sums overflow float16.
Tensor LinearComposite(const Tensor& x, const Tensor& int8_weights, const Tensor& scales, const OptionalTensor& bias) {
  CheckLinear(x, int8_weights, scales, bias);
  Tensor y = at::matmul(x.to(at::kFloat), int8_weights.t().to(at::kFloat)) * scales.to(at::kFloat);
  if (bias.has_value() && bias->defined()) y = y + bias->to(at::kFloat);
  return y.to(x.scalar_type());
}

Tensor LinearMeta(const Tensor& x, const Tensor& int8_weights, const Tensor& scales, const OptionalTensor& bias) {
  CheckLinear(x, int8_weights, scales, bias);
  std::vector<c10::SymInt> shape(x.sym_sizes().begin(), x.sym_sizes().end());
  shape.back() = int8_weights.sym_sizes()[0];
  return x.new_empty_symint(shape);
}

auto& LinearOperator() {
  static auto op = c10::Dispatcher::singleton()
                       .findSchemaOrThrow("w8a16::linear", "")
                       .typed<Tensor(const Tensor&, const Tensor&, const Tensor&, const OptionalTensor&)>();
  return op;
}

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
                        const Tensor& scales, const OptionalTensor& bias) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    ctx->save_for_backward({int8_weights, scales});
    ctx->saved_data["x_dtype"] = static_cast<int64_t>(x.scalar_type());
    if (bias.has_value() && bias->defined()) {
      ctx->saved_data["bias_dtype"] = static_cast<int64_t>(bias->scalar_type());
    }
    return LinearOperator().call(x, int8_weights, scales, bias);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list grads) {
    const auto dtype = [ctx](const char* key) { return static_cast<at::ScalarType>(ctx->saved_data[key].toInt()); };
    const Tensor& grad = grads[0];
    torch::autograd::variable_list inputs(4);
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

Tensor LinearAutograd(const Tensor& x, const Tensor& int8_weights, const Tensor& scales, const OptionalTensor& bias) {
  if (at::GradMode::is_enabled()) {
    Check(!NeedsGradient(scales),
          "w8a16::linear: scales require a gradient, which quantized layers do not give; call "
          "scales.requires_grad_(false)");
    if (NeedsGradient(x) || (bias.has_value() && NeedsGradient(*bias))) {
      return LinearFunction::apply(x, int8_weights, scales, bias);
    }
  }
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  return LinearOperator().call(x, int8_weights, scales, bias);
}

TensorPair QuantizeCpu(const Tensor& weights) {
  CheckQuantize(weights);
  const int64_t n = weights.size(0);
  const int64_t k = weights.size(1);
  Tensor int8_weights = at::empty({n, k}, weights.options().dtype(at::kChar).requires_grad(false));
  Tensor scales = at::empty({n}, weights.options().requires_grad(false));
  const DType dtype = RequireComputeDType(weights, "weights", "w8a16::quantize");
  FollowTorchThreads();
  // Rows with gaps (Conv1D's transposed weights) are gathered block by block: a copy of all would be as large again.
  const bool dense = weights.stride(1) == 1 && weights.stride(0) >= k;
  const int64_t block = dense ? n : 256;
  for (int64_t begin = 0; begin < n && k > 0; begin += block) {
    const int64_t rows = std::min(block, n - begin);
    const Tensor w = dense ? weights : weights.narrow(0, begin, rows).contiguous();
    QuantizeRows(ConstMatrix{w.data_ptr(), dtype, rows, k, w.stride(0)},
                 {static_cast<int8_t*>(int8_weights.data_ptr()) + begin * k, k, Int8Encoding::kSigned,
                  static_cast<char*>(scales.data_ptr()) + begin * scales.element_size(), dtype},
                 "weights", begin);
  }
  if (k == 0) scales.fill_(1);
  return {int8_weights, scales};
}

// w8a16/quantize.h's formula step by step. The divisor 127 is a tensor: division by a number is multiplication by its
// inverse on some devices, which rounds differently.
TensorPair QuantizeComposite(const Tensor& weights) {
  CheckQuantize(weights);
  if (weights.size(1) == 0) return {at::empty_like(weights, at::kChar), at::ones({weights.size(0)}, weights.options())};
  const Tensor w = weights.detach().to(at::kFloat);
  const Tensor largest = w.abs().amax(1);
  Check(at::isfinite(largest).all().item<bool>(), "w8a16::quantize: weights contain a NaN or infinite weight");
  const Tensor stored = (largest / at::full_like(largest, 127)).to(weights.scalar_type());
  const double smallest = weights.scalar_type() == at::kHalf ? 0x1p-14 : 0x1p-126;
  const Tensor scales = at::where(largest == 0, at::ones_like(stored), stored.clamp_min(smallest));
  const Tensor q = at::round(w / scales.to(at::kFloat).unsqueeze(1)).clamp(-127, 127).to(at::kChar);
  return {q, scales};
}

TensorPair QuantizeMeta(const Tensor& weights) {
  CheckQuantize(weights);
  return {weights.new_empty_symint(weights.sym_sizes(), weights.options().dtype(at::kChar)),
          weights.new_empty_symint(weights.sym_sizes().slice(0, 1))};
}

}  // namespace

TORCH_LIBRARY(w8a16, library) {
  library.def("linear(Tensor x, Tensor int8_weights, Tensor scales, Tensor? bias) -> Tensor");
  library.def("quantize(Tensor weights) -> (Tensor int8_weights, Tensor scales)");
}

TORCH_LIBRARY_IMPL(w8a16, CPU, library) {
  library.impl("linear", LinearCpu);
  library.impl("quantize", QuantizeCpu);
}

TORCH_LIBRARY_IMPL(w8a16, CompositeExplicitAutograd, library) {
  library.impl("linear", LinearComposite);
  library.impl("quantize", QuantizeComposite);
}

TORCH_LIBRARY_IMPL(w8a16, Meta, library) {
  library.impl("linear", LinearMeta);
  library.impl("quantize", QuantizeMeta);
}

TORCH_LIBRARY_IMPL(w8a16, Autograd, library) {
  library.impl("linear", LinearAutograd);
  library.impl("quantize", torch::CppFunction::makeFallthrough());
}

Tensor linear(const Tensor& x, const Tensor& int8_weights, const Tensor& scales, const Tensor& bias) {
  return LinearOperator().call(x, int8_weights, scales, bias.defined() ? OptionalTensor(bias) : OptionalTensor());
}

TensorPair quantize(const Tensor& weights) {
  static auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("w8a16::quantize", "").typed<TensorPair(const Tensor&)>();
  return op.call(weights);
}

}  // namespace w8a16
