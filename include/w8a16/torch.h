#pragma once

#include <torch/csrc/jit/api/module.h>
#include <torch/nn/cloneable.h>
#include <torch/nn/modules/container/any.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "w8a16/error.h"

namespace w8a16 {

/// y = x W^T + b, the operator `w8a16::linear`: x [..., in] of float32, bfloat16 or float16; int8_weights [out, in];
/// scales, and bias unless undefined, [out] of any of those dtypes; y [..., out] of the dtype of x (inside autocast x
/// is cast first, as for torch::linear). `activation_bits`, 24 or 16, is for float32 x on the CPU only: the integers
/// that x becomes; 16 are faster and less accurate. Differentiable in x and bias, in reverse and forward mode. Throws
/// Error where a shape, dtype or device or activation_bits is wrong or the scales say that nothing was quantized yet.
at::Tensor linear(const at::Tensor& x, const at::Tensor& int8_weights, const at::Tensor& scales,
                  const at::Tensor& bias = {}, int64_t activation_bits = 24);

/// The operator `w8a16::quantize`: weights [out, in] of float32, bfloat16 or float16 -> int8_weights [out, in] and
/// scales [out] of the dtype of the weights (w8a16/quantize.h has the formula). Throws Error for NaN and infinity.
std::tuple<at::Tensor, at::Tensor> quantize(const at::Tensor& weights);

/// `dtype` is that of the bias and, until quantize(), of the scales.
struct W8A16LinearLayerOptions {
  W8A16LinearLayerOptions(int64_t in_features, int64_t out_features)
      : in_features_(in_features), out_features_(out_features) {}
  TORCH_ARG(int64_t, in_features);
  TORCH_ARG(int64_t, out_features);
  TORCH_ARG(bool, bias) = true;
  TORCH_ARG(torch::Dtype, dtype) = torch::kFloat32;
};

/// A frozen linear layer with int8 weights. Until quantize() or torch::load() it has no weights and forward() throws.
/// to(dtype) converts the bias only: int8_weights and scales stay what they are.
class W8A16LinearLayerImpl : public torch::nn::Cloneable<W8A16LinearLayerImpl> {
 public:
  W8A16LinearLayerImpl(int64_t in_features, int64_t out_features)
      : W8A16LinearLayerImpl(W8A16LinearLayerOptions(in_features, out_features)) {}
  explicit W8A16LinearLayerImpl(const W8A16LinearLayerOptions& options_);

  /// Takes float weights [out_features, in_features]. Where it throws, the layer is unchanged.
  void quantize(const torch::Tensor& weights);
  torch::Tensor forward(const torch::Tensor& x);

  void reset() override;
  using torch::nn::Module::to;
  void to(torch::Device device, torch::Dtype dtype, bool non_blocking = false) override;
  void to(torch::Dtype dtype, bool non_blocking = false) override;
  void load(torch::serialize::InputArchive& archive) override;
  void pretty_print(std::ostream& stream) const override;

  W8A16LinearLayerOptions options;
  torch::Tensor int8_weights;  ///< int8 [out_features, in_features]
  torch::Tensor scales;        ///< [out_features]; NaN until there are weights
  torch::Tensor bias;          ///< [out_features], or undefined
};
TORCH_MODULE(W8A16LinearLayer);

/// Declare this instead of torch::nn::Linear for a member whose layer is to be replaced. It is a float linear layer
/// with the same parameter names, until the replacement functions turn it into a W8A16 one in place, so that the member
/// goes on calling what is registered.
class AnyLinearImpl : public torch::nn::Cloneable<AnyLinearImpl> {
 public:
  AnyLinearImpl(int64_t in_features, int64_t out_features)
      : AnyLinearImpl(torch::nn::LinearOptions(in_features, out_features)) {}
  explicit AnyLinearImpl(const torch::nn::LinearOptions& options_);

  torch::Tensor forward(const torch::Tensor& x);
  bool quantized() const { return int8_weights.defined(); }
  /// Takes over the tensors of `layer`, whose sizes must be these; the float weights are released.
  void become(const W8A16LinearLayerImpl& layer);

  void reset() override;
  using torch::nn::Module::to;
  void to(torch::Device device, torch::Dtype dtype, bool non_blocking = false) override;
  void to(torch::Dtype dtype, bool non_blocking = false) override;
  void pretty_print(std::ostream& stream) const override;

  torch::nn::LinearOptions options;
  torch::Tensor weight;                ///< undefined once quantized
  torch::Tensor int8_weights, scales;  ///< undefined until then
  torch::Tensor bias;
};
TORCH_MODULE(AnyLinear);

/// What a replacement did. `<<` prints it for people.
struct ReplacementSummary {
  struct LeftAlone {
    std::string name;
    std::string reason;
  };
  std::vector<std::string> replaced;  ///< full dotted names
  std::vector<LeftAlone> left_alone;  ///< linear layers that stay as they were
  std::vector<std::string> warnings;  ///< names to exclude that match nothing, with near misses
  int64_t bytes_before = 0;           ///< of the model's parameters and buffers
  int64_t bytes_after = 0;
};
std::ostream& operator<<(std::ostream& stream, const ReplacementSummary& summary);

namespace internal {
using MakeTarget = std::function<torch::nn::AnyModule(const W8A16LinearLayerOptions&, const torch::Tensor& weight,
                                                      const torch::Tensor& bias)>;
ReplacementSummary ReplaceLinear(torch::nn::Module& root, const std::vector<std::string>& names_to_exclude,
                                 bool fits_any_linear, bool quantizes, const MakeTarget& make);

template <class Model>
torch::nn::Module& AsModule(Model& model) {
  if constexpr (std::is_base_of_v<torch::nn::Module, Model>) {
    return model;
  } else {
    return *model;
  }
}

template <class Target, class Model>
ReplacementSummary Replace(Model& model, const std::vector<std::string>& names_to_exclude, bool quantize) {
  const auto make = [quantize](const W8A16LinearLayerOptions& options, const torch::Tensor& weight,
                               const torch::Tensor& bias) {
    Target target(options);
    target->to(weight.device());
    if (bias.defined()) target->bias.set_data(bias.detach());
    if (quantize) target->quantize(weight.detach());
    return torch::nn::AnyModule(target);
  };
  return ReplaceLinear(AsModule(model), names_to_exclude, std::is_same_v<Target, W8A16LinearLayer>, quantize, make);
}
}  // namespace internal

/// Replaces every torch::nn::Linear (and AnyLinear) below `model` (a module, holder or shared pointer) by a Target of
/// the same sizes that has its bias and no weights yet, for torch::load. Target: a module holder made from
/// W8A16LinearLayerOptions, with `bias` and `quantize(weights)`. A name to exclude is that of a child ("lm_head"), a
/// full name ("decoder.lm_head"), or "re:PATTERN", matched against full names from their start; what is below an
/// excluded module is excluded too. Throws Error, with nothing replaced, where a layer is held by more than the module
/// tree (a member `torch::nn::Linear fc` would go on calling the float layer): declare such members as AnyLinear.
template <class Target, class Model>
ReplacementSummary replace_linear_with_target(Model&& model, const std::vector<std::string>& names_to_exclude = {}) {
  return internal::Replace<Target>(model, names_to_exclude, /*quantize=*/false);
}

/// The same, and quantizes each layer's weights; float weights are released layer by layer.
template <class Target, class Model>
ReplacementSummary replace_linear_with_target_and_quantize(Model&& model,
                                                           const std::vector<std::string>& names_to_exclude = {}) {
  return internal::Replace<Target>(model, names_to_exclude, /*quantize=*/true);
}

/// The same for a TorchScript model (torch::jit::load): its linear layers, scripted or traced, become W8A16 ones, in
/// place. Layers that the model's code reads otherwise than by calling them are left alone. The result is saved by
/// module.save() and loads wherever this library (C++) or the package w8a16 (Python) is loaded.
ReplacementSummary quantize_script_module(torch::jit::Module& module,
                                          const std::vector<std::string>& names_to_exclude = {});

}  // namespace w8a16
