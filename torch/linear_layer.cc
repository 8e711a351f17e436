#include <torch/nn/functional/linear.h>
#include <torch/serialize/input-archive.h>
#include <torch/types.h>

#include <limits>
#include <ostream>

#include "base/strings.h"
#include "w8a16/torch.h"

namespace w8a16 {
namespace {

void RequireShape(const torch::Tensor& tensor, const char* what, at::IntArrayRef shape) {
  if (tensor.sizes() == shape) return;
  throw Error(StrCat("W8A16LinearLayer: ", what, " has shape ", tensor.sizes(), ", but this layer needs ", shape));
}

// Buffers keep their tensors, so that copies of the handle and the registered buffer stay the same.
void MoveBias(torch::Tensor& bias, torch::Dtype dtype) {
  if (bias.defined()) bias.set_data(bias.detach().to(dtype));
}

}  // namespace

W8A16LinearLayerImpl::W8A16LinearLayerImpl(const W8A16LinearLayerOptions& options_) : options(options_) {
  W8A16LinearLayerImpl::reset();
}

void W8A16LinearLayerImpl::reset() {
  const int64_t n = options.out_features();
  const int64_t k = options.in_features();
  if (n < 0 || k < 0) throw Error(StrCat("W8A16LinearLayer: negative size: in_features ", k, ", out_features ", n));
  const auto dtype = torch::TensorOptions().dtype(options.dtype());
  // Not zeros: pages that are never touched take no memory, and quantize() and load() bring tensors of their own.
  int8_weights = register_buffer("int8_weights", torch::empty({n, k}, torch::kChar));
  scales = register_buffer("scales", torch::full({n}, std::numeric_limits<float>::quiet_NaN(), dtype));
  if (options.bias()) bias = register_buffer("bias", torch::zeros({n}, dtype));
}

void W8A16LinearLayerImpl::quantize(const torch::Tensor& weights) {
  RequireShape(weights, "the weight to quantize", {options.out_features(), options.in_features()});
  const torch::NoGradGuard no_grad;
  auto [new_weights, new_scales] = w8a16::quantize(weights);
  int8_weights.set_data(new_weights);
  scales.set_data(new_scales);
}

torch::Tensor W8A16LinearLayerImpl::forward(const torch::Tensor& x) { return linear(x, int8_weights, scales, bias); }

void W8A16LinearLayerImpl::to(torch::Device device, torch::Dtype dtype, bool non_blocking) {
  to(device, non_blocking);
  to(dtype, non_blocking);
}

void W8A16LinearLayerImpl::to(torch::Dtype dtype, bool /*non_blocking*/) { MoveBias(bias, dtype); }

void W8A16LinearLayerImpl::load(torch::serialize::InputArchive& archive) {
  torch::Tensor new_weights;
  torch::Tensor new_scales;
  torch::Tensor new_bias;
  const int64_t n = options.out_features();
  if (!archive.try_read("int8_weights", new_weights, /*is_buffer=*/true) ||
      !archive.try_read("scales", new_scales, /*is_buffer=*/true)) {
    throw Error(
        "W8A16LinearLayer: the file has no int8_weights and scales for this layer; was it saved before its linear "
        "layers were replaced? Load it into the float model, then quantize");
  }
  if (archive.try_read("bias", new_bias, /*is_buffer=*/true) != bias.defined()) {
    throw Error(StrCat("W8A16LinearLayer: the layer has ", bias.defined() ? "a" : "no", " bias, the file ",
                       bias.defined() ? "has none" : "has one"));
  }
  RequireShape(new_weights, "int8_weights in the file", {n, options.in_features()});
  RequireShape(new_scales, "scales in the file", {n});
  if (new_weights.scalar_type() != torch::kChar) {
    throw Error(StrCat("W8A16LinearLayer: int8_weights in the file are ", new_weights.scalar_type(), ", not int8"));
  }
  if (bias.defined()) RequireShape(new_bias, "bias in the file", {n});
  const auto device = int8_weights.device();
  int8_weights.set_data(new_weights.to(device));
  scales.set_data(new_scales.to(device));
  if (bias.defined()) bias.set_data(new_bias.to(device));
}

void W8A16LinearLayerImpl::pretty_print(std::ostream& stream) const {
  stream << std::boolalpha << "w8a16::W8A16LinearLayer(in_features=" << options.in_features()
         << ", out_features=" << options.out_features() << ", bias=" << options.bias()
         << ", scales=" << scales.scalar_type() << ")";
}

AnyLinearImpl::AnyLinearImpl(const torch::nn::LinearOptions& options_) : options(options_) { AnyLinearImpl::reset(); }

void AnyLinearImpl::reset() {
  if (quantized()) {
    int8_weights = register_buffer("int8_weights", torch::empty_like(int8_weights));
    scales = register_buffer("scales", torch::empty_like(scales));
    if (bias.defined()) bias = register_buffer("bias", torch::empty_like(bias));
    return;
  }
  const torch::nn::Linear fresh(options);
  weight = register_parameter("weight", fresh->weight.detach());
  if (options.bias()) bias = register_parameter("bias", fresh->bias.detach());
}

torch::Tensor AnyLinearImpl::forward(const torch::Tensor& x) {
  return quantized() ? linear(x, int8_weights, scales, bias) : torch::nn::functional::linear(x, weight, bias);
}

void AnyLinearImpl::become(const W8A16LinearLayerImpl& layer) {
  RequireShape(layer.int8_weights, "the layer to become", {options.out_features(), options.in_features()});
  if (quantized()) throw Error("AnyLinear: this layer is W8A16 already");
  parameters_.erase("weight");
  weight.reset();
  if (bias.defined()) parameters_.erase("bias");
  int8_weights = register_buffer("int8_weights", layer.int8_weights);
  scales = register_buffer("scales", layer.scales);
  bias = layer.bias.defined() ? register_buffer("bias", layer.bias) : torch::Tensor();
}

void AnyLinearImpl::to(torch::Device device, torch::Dtype dtype, bool non_blocking) {
  to(device, non_blocking);
  to(dtype, non_blocking);
}

void AnyLinearImpl::to(torch::Dtype dtype, bool non_blocking) {
  if (quantized()) {
    MoveBias(bias, dtype);
  } else {
    Module::to(dtype, non_blocking);
  }
}

void AnyLinearImpl::pretty_print(std::ostream& stream) const {
  stream << std::boolalpha << "w8a16::AnyLinear(in_features=" << options.in_features()
         << ", out_features=" << options.out_features() << ", bias=" << options.bias() << ", "
         << (quantized() ? "W8A16" : "float") << ")";
}

}  // namespace w8a16
