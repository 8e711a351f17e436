#include "w8a16/linear.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/strings.h"
#include "linear/linear_impl.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

void CheckShape(const std::string& name, int64_t out_features, int64_t in_features) {
  if (out_features >= 1 && in_features >= 1) return;
  throw Error(StrCat(name, ": a linear layer needs at least one input and one output, but has in_features ",
                     in_features, " and out_features ", out_features));
}

void CheckWeights(const std::string& name, const void* data, int64_t row_stride, int64_t in_features) {
  if (data == nullptr) throw Error(StrCat(name, ": the weights are a null pointer; pass [out_features, in_features]"));
  if (row_stride < in_features) {
    throw Error(StrCat(name, ": the row stride ", row_stride, " is smaller than in_features ", in_features,
                       "; rows may not overlap"));
  }
}

void CheckFloat(const std::string& name, const char* what, DType dtype) {
  if (IsComputeFloat(dtype)) return;
  throw Error(StrCat(name, ": ", what, " cannot be ", DTypeName(dtype), "; use F32, F16 or BF16"));
}

std::vector<float> ToFloats(const void* data, DType dtype, int64_t count) {
  if (dtype == DType::kF32) {
    const auto* floats = static_cast<const float*>(data);
    return {floats, floats + count};
  }
  std::vector<float> values(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) values[static_cast<size_t>(i)] = LoadFloat(data, dtype, i);
  return values;
}

std::vector<float> BiasFloats(const std::string& name, const void* bias, DType dtype, int64_t count) {
  if (bias == nullptr) return {};
  CheckFloat(name, "the bias", dtype);
  return ToFloats(bias, dtype, count);
}

std::vector<float> ScaleFloats(const std::string& name, const Int8Weights& weights) {
  if (weights.scales == nullptr) {
    throw Error(
        StrCat(name, ": the scales are a null pointer; pass one for each of the ", weights.out_features, " outputs"));
  }
  CheckFloat(name, "the scales", weights.scale_dtype);
  std::vector<float> scales = ToFloats(weights.scales, weights.scale_dtype, weights.out_features);
  for (size_t n = 0; n < scales.size(); ++n) {
    if (std::isfinite(scales[n]) && scales[n] > 0.0F) continue;
    throw Error(StrCat(name, ": the scale of output ", n, " is ", scales[n],
                       "; scales must be finite and greater than zero: quantize the weights again"));
  }
  return scales;
}

}  // namespace

Linear::Linear(Int8Weights weights, std::string name) {
  CheckShape(name, weights.out_features, weights.in_features);
  CheckWeights(name, weights.data, weights.row_stride, weights.in_features);
  auto impl = std::make_unique<Impl>();
  impl->scales = ScaleFloats(name, weights);
  impl->bias = BiasFloats(name, weights.bias, weights.bias_dtype, weights.out_features);
  impl->in_features = weights.in_features;
  impl->out_features = weights.out_features;
  impl->int8 = static_cast<const uint8_t*>(weights.data);
  impl->int8_stride = weights.row_stride;
  impl->encoding = weights.encoding;
  impl->kernels = &KernelsForLinear(weights.in_features);
  impl->owner = std::move(weights.owner);
  impl->name = std::move(name);
  impl_ = std::move(impl);
}

Linear::Linear(FloatWeights weights, std::string name) {
  const ConstMatrix& matrix = weights.weights;
  CheckShape(name, matrix.rows, matrix.cols);
  CheckWeights(name, matrix.data, matrix.stride, matrix.cols);
  CheckFloat(name, "the weights", matrix.dtype);
  auto impl = std::make_unique<Impl>();
  impl->bias = BiasFloats(name, weights.bias, weights.bias_dtype, matrix.rows);
  impl->in_features = matrix.cols;
  impl->out_features = matrix.rows;
  impl->floats = matrix;
  impl->kernels = &ActiveKernels();
  impl->owner = std::move(weights.owner);
  impl->name = std::move(name);
  impl_ = std::move(impl);
}

Linear::~Linear() = default;
Linear::Linear(Linear&&) noexcept = default;
Linear& Linear::operator=(Linear&&) noexcept = default;

const std::string& Linear::name() const { return impl_->name; }
int64_t Linear::in_features() const { return impl_->in_features; }
int64_t Linear::out_features() const { return impl_->out_features; }
bool Linear::quantized() const { return impl_->int8 != nullptr; }
bool Linear::has_bias() const { return !impl_->bias.empty(); }
const char* Linear::isa() const { return IsaName(impl_->kernels->isa); }

size_t Linear::weight_bytes() const {
  const size_t element = quantized() ? 1 : DTypeSize(impl_->floats.dtype);
  return static_cast<size_t>(impl_->in_features * impl_->out_features) * element +
         (impl_->scales.size() + impl_->bias.size()) * sizeof(float);
}

Workspace::Workspace() : impl_(std::make_unique<Impl>()) {}
Workspace::~Workspace() = default;
Workspace::Workspace(Workspace&&) noexcept = default;
Workspace& Workspace::operator=(Workspace&&) noexcept = default;

}  // namespace w8a16
