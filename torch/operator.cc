// The operators w8a16::linear and w8a16::quantize: one schema each, a kernel of the native library for CPU and shape
// functions.
#include "operator.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <algorithm>
#include <deque>
#include <type_traits>
#include <utility>

#include "base/parallel.h"
#include "w8a16/linear.h"
#include "w8a16/quantize.h"
#include "w8a16/torch.h"

namespace w8a16 {
namespace {

using at::Tensor;

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

}  // namespace

bool IsComputeType(at::ScalarType type) {
  DType ignored;
  return ComputeDType(type, ignored);
}

// Numbers are kept out of conditions that do not need them: a symbolic size would be fixed by a look at it.
void CheckLinear(const Tensor& x, const Tensor& int8_weights, const Tensor& scales, const OptionalTensor& bias,
                 int64_t activation_bits) {
  constexpr const char* kOp = "w8a16::linear";
  Check(int8_weights.dim() == 2 && int8_weights.scalar_type() == at::kChar, kOp,
        ": int8_weights must be int8 [out_features, in_features], not ", int8_weights.scalar_type(), " of ",
        int8_weights.dim(), " dimensions; make them with w8a16::quantize");
  Check(x.dim() >= 1, kOp, ": x has no dimensions; its last one must be in_features");
  RequireComputeDType(x, "x", kOp);
  RequireComputeDType(scales, "scales", kOp);
  ActivationBitsOf(activation_bits);
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

namespace {

// PyTorch's number of threads governs. Its OpenMP library and pool are this library's too (cmake/FindLibTorch.cmake),
// and asking makes sure that PyTorch has set its number in this thread.
void FollowTorchThreads() {
  const int threads = at::in_parallel_region() ? 1 : at::get_num_threads();
  if (MaxThreads() != threads) SetMaxThreads(threads);
}

// A [rows, cols] view of rows without gaps inside, copied only where the tensor is not that already.
Tensor DenseRows(const Tensor& t) {
  const bool dense = t.dim() == 2 && t.stride(1) == 1 && t.stride(0) >= t.size(1);
  return dense ? t : t.contiguous();
}

Tensor LinearCpu(const Tensor& x, const Tensor& int8_weights, const Tensor& scales, const OptionalTensor& bias,
                 int64_t activation_bits) {
  CheckLinear(x, int8_weights, scales, bias, activation_bits);
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
               Matrix{y.data_ptr(), dtype, m, n, n}, workspace, ActivationBitsOf(activation_bits));
  return y;
}

Tensor LinearMeta(const Tensor& x, const Tensor& int8_weights, const Tensor& scales, const OptionalTensor& bias,
                  int64_t activation_bits) {
  CheckLinear(x, int8_weights, scales, bias, activation_bits);
  std::vector<c10::SymInt> shape(x.sym_sizes().begin(), x.sym_sizes().end());
  shape.back() = int8_weights.sym_sizes()[0];
  return x.new_empty_symint(shape);
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

TensorPair QuantizeMeta(const Tensor& weights) {
  CheckQuantize(weights);
  return {weights.new_empty_symint(weights.sym_sizes(), weights.options().dtype(at::kChar)),
          weights.new_empty_symint(weights.sym_sizes().slice(0, 1))};
}

// Not by TORCH_LIBRARY, which ends the process where the operators are there already: the Python package registers the
// same ones, and who comes first serves all.
bool RegisterOperators() {
  if (c10::Dispatcher::singleton().findSchema({"w8a16::linear", ""}).has_value()) return false;
  static torch::Library definitions(torch::Library::DEF, "w8a16", std::nullopt, __FILE__, __LINE__);
  definitions.def(
      "linear(Tensor x, Tensor int8_weights, Tensor scales, Tensor? bias=None, int activation_bits=24) -> Tensor");
  definitions.def("quantize(Tensor weights) -> (Tensor int8_weights, Tensor scales)");
  static std::deque<torch::Library> implementations;
  const auto implement = [](c10::DispatchKey key, auto linear, auto quantize) {
    torch::Library& library = implementations.emplace_back(torch::Library::IMPL, "w8a16", key, __FILE__, __LINE__);
    library.impl("linear", linear);
    if constexpr (!std::is_same_v<decltype(quantize), std::nullptr_t>) library.impl("quantize", std::move(quantize));
  };
  implement(c10::DispatchKey::CPU, LinearCpu, QuantizeCpu);
  implement(c10::DispatchKey::CompositeExplicitAutograd, LinearComposite, QuantizeComposite);
  implement(c10::DispatchKey::Meta, LinearMeta, QuantizeMeta);
  implement(c10::DispatchKey::Autograd, LinearAutograd, torch::CppFunction::makeFallthrough());
  implement(c10::DispatchKey::AutocastCPU, LinearAutocastCpu, nullptr);
  implement(c10::DispatchKey::AutocastCUDA, LinearAutocastCuda, nullptr);
  return true;
}

[[maybe_unused]] const bool kRegistered = RegisterOperators();

}  // namespace

Tensor CallLinear(const Tensor& x, const Tensor& int8_weights, const Tensor& scales, const OptionalTensor& bias,
                  int64_t activation_bits) {
  static auto op = c10::Dispatcher::singleton()
                       .findSchemaOrThrow("w8a16::linear", "")
                       .typed<Tensor(const Tensor&, const Tensor&, const Tensor&, const OptionalTensor&, int64_t)>();
  return op.call(x, int8_weights, scales, bias, activation_bits);
}

Tensor linear(const Tensor& x, const Tensor& int8_weights, const Tensor& scales, const Tensor& bias,
              int64_t activation_bits) {
  return CallLinear(x, int8_weights, scales, bias.defined() ? OptionalTensor(bias) : std::nullopt, activation_bits);
}

TensorPair quantize(const Tensor& weights) {
  static auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("w8a16::quantize", "").typed<TensorPair(const Tensor&)>();
  return op.call(weights);
}

}  // namespace w8a16
