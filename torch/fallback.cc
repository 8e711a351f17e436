// The operators as compositions of PyTorch's own, for devices without kernels of ours (CUDA). They give the int8
// weights and scales of the CPU bit for bit, and y as close as the dtype of x allows.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "operator.h"

namespace w8a16 {

using at::Tensor;

// F.linear(x, q) * scales + bias, without a float32 copy of the weights; nothing here waits for the device.
//
// In float16, whose largest number is 65,504, the sum of q x would overflow where y does not. There the power of two in
// each scale goes in before the sum, which rounds no weight, and the rest, of [1, 2), after it. Only 2^-14 of a smaller
// power goes in, since q times less would be subnormal, and 2^9 of a larger one, since 127 times more would be
// infinite. So the sum overflows only where y does, or where a scale is below 2^-14 and the sum of q x above 65,504 *
// 2^14.
Tensor LinearComposite(const Tensor& x, const Tensor& int8_weights, const Tensor& scales, const OptionalTensor& bias,
                       int64_t activation_bits) {
  CheckLinear(x, int8_weights, scales, bias, activation_bits);
  Tensor weights = int8_weights.to(x.scalar_type());
  Tensor after = scales.to(at::kFloat);
  if (x.scalar_type() == at::kHalf) {
    const Tensor before = after.log2().floor().clamp(-14, 9).exp2();
    weights = weights * before.to(at::kHalf).unsqueeze(1);
    after = after / before;
  }
  Tensor y = at::linear(x, weights) * after;
  if (bias.has_value() && bias->defined()) y = y + *bias;
  return y.to(x.scalar_type());
}

namespace {

// The first NaN or infinite weight, for the error message.
void RequireFinite(const Tensor& weights, const Tensor& largest) {
  const Tensor bad_rows = at::isfinite(largest).logical_not();
  if (!bad_rows.any().item<bool>()) return;
  const auto row = bad_rows.nonzero()[0][0].item<int64_t>();
  const auto column = at::isfinite(weights[row]).logical_not().nonzero()[0][0].item<int64_t>();
  throw Error(StrCat("w8a16::quantize: weights: the weight in row ", row, ", column ", column, " is ",
                     std::isnan(weights[row][column].item<float>()) ? "NaN" : "infinite",
                     "; only finite weights can be quantized: repair the checkpoint or leave this layer out"));
}

// The scales of rows with these largest magnitudes, of the dtype of both, as w8a16/quantize.h defines them.
Tensor ScalesOf(const Tensor& largest) {
  const auto type = largest.scalar_type();
  const int mantissa_bits = type == at::kHalf ? 10 : type == at::kBFloat16 ? 7 : 23;
  const int spacing = type == at::kHalf ? 24 : type == at::kBFloat16 ? 133 : 149;  // of subnormal numbers: 2^-spacing
  const Tensor wide = largest.to(at::kFloat);
  // The divisor is a tensor: division by a number is multiplication by its inverse on some devices, which rounds
  // differently.
  const Tensor normal = (wide / at::full_like(wide, 127)).to(type);
  // Below the normal numbers the scale is the smallest one with 127 scale >= largest: ceil(largest / 127) in units of
  // the spacing, and these integers are the bits of the scale. In two steps, since 2^149 is no float32.
  const double limit = 127.0 * (1 << mantissa_bits);
  const Tensor units = (wide * std::ldexp(1.0, spacing / 2) * std::ldexp(1.0, spacing - spacing / 2)).clamp_max(limit);
  const auto integer = type == at::kFloat ? at::kInt : at::kShort;
  const Tensor small = ((units.to(at::kInt) + 126).floor_divide(127)).to(integer).view(type);
  return at::where(wide == 0, at::ones_like(normal), at::where(units < limit, small, normal));
}

}  // namespace

TensorPair QuantizeComposite(const Tensor& weights_) {
  CheckQuantize(weights_);
  const Tensor weights = weights_.detach();
  const int64_t n = weights.size(0);
  const int64_t k = weights.size(1);
  if (n == 0 || k == 0)
    return {at::empty({n, k}, weights.options().dtype(at::kChar)), at::ones({n}, weights.options())};
  const Tensor largest = at::linalg_vector_norm(weights, INFINITY, at::IntArrayRef{1});
  RequireFinite(weights, largest);
  const Tensor scales = ScalesOf(largest);
  Tensor int8_weights = at::empty({n, k}, weights.options().dtype(at::kChar), at::MemoryFormat::Contiguous);
  // Block by block: a float32 copy of all weights would be four times as large as the result.
  constexpr int64_t kBlockElements = int64_t{1} << 23;
  const int64_t block = std::max<int64_t>(1, kBlockElements / k);
  for (int64_t begin = 0; begin < n; begin += block) {
    const int64_t rows = std::min(block, n - begin);
    const Tensor w = weights.narrow(0, begin, rows).to(at::kFloat);
    const Tensor divisor = scales.narrow(0, begin, rows).to(at::kFloat).unsqueeze(1);
    int8_weights.narrow(0, begin, rows).copy_((w / divisor).round_().clamp_(-127, 127));
  }
  return {int8_weights, scales};
}

}  // namespace w8a16
