// The compositions that other devices than the CPU run, on the CPU.
#include <ATen/core/dispatch/Dispatcher.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "w8a16/torch.h"

namespace w8a16 {
namespace {

using ::testing::HasSubstr;
using torch::Tensor;

const std::vector<torch::Dtype> kDtypes = {torch::kFloat32, torch::kBFloat16, torch::kFloat16};

template <class... Args>
torch::jit::Stack CallComposite(const char* name, Args... args) {
  torch::jit::Stack stack;
  torch::jit::push(stack, std::move(args)...);
  c10::Dispatcher::singleton().findSchemaOrThrow(name, "").callBoxedForDispatchKey(
      c10::DispatchKey::CompositeExplicitAutograd, stack);
  return stack;
}

std::pair<Tensor, Tensor> QuantizeComposite(const Tensor& weights) {
  const auto results = CallComposite("w8a16::quantize", weights);
  return {results[0].toTensor(), results[1].toTensor()};
}

Tensor LinearComposite(const Tensor& x, const Tensor& q, const Tensor& scales, const Tensor& bias = {}) {
  std::optional<Tensor> optional;
  if (bias.defined()) optional = bias;
  return CallComposite("w8a16::linear", x, q, scales, optional, int64_t{24})[0].toTensor();
}

Tensor Double(const Tensor& x, const Tensor& q, const Tensor& scales, const Tensor& bias = {}) {
  const Tensor y = torch::matmul(x.to(torch::kDouble), q.to(torch::kDouble).t()) * scales.to(torch::kDouble);
  return bias.defined() ? y + bias.to(torch::kDouble) : y;
}

// |y - expected| in units of |x| |w|, as a float layer's errors are counted.
double WorstError(const Tensor& y, const Tensor& expected, const Tensor& x, const Tensor& q, const Tensor& scales) {
  const Tensor x_norm = x.to(torch::kDouble).norm(2, -1, /*keepdim=*/true);
  const Tensor w_norm = q.to(torch::kDouble).norm(2, -1) * scales.to(torch::kDouble);
  return ((y.to(torch::kDouble) - expected).abs() / (x_norm * w_norm)).max().item<double>();
}

Tensor Bits(const Tensor& t) { return t.view(t.scalar_type() == torch::kFloat32 ? torch::kInt32 : torch::kInt16); }

void ExpectSameQuantization(const Tensor& weights) {
  const auto [q, scales] = quantize(weights);
  const auto [composite_q, composite_scales] = QuantizeComposite(weights);
  ASSERT_EQ(composite_scales.scalar_type(), scales.scalar_type());
  const Tensor different = torch::nonzero(Bits(scales) != Bits(composite_scales));
  ASSERT_EQ(different.numel(), 0) << "row " << different[0] << ", largest "
                                  << weights.to(torch::kDouble).abs().amax(1)[different[0][0].item<int64_t>()];
  ASSERT_TRUE(torch::equal(q, composite_q));
}

TEST(Fallback, QuantizesAsTheCpuDoesOverTheWholeRangeOfExponents) {
  torch::manual_seed(1);
  for (const auto dtype : kDtypes) {
    const int lowest = dtype == torch::kFloat32 ? -149 : dtype == torch::kBFloat16 ? -133 : -24;
    const int highest = dtype == torch::kFloat16 ? 15 : 127;
    std::vector<Tensor> rows;
    for (int exponent = lowest; exponent <= highest; ++exponent) {
      const Tensor row = torch::randn({4, 40}, torch::kDouble);
      rows.push_back(row / row.abs().amax(1, true) * std::ldexp(1.0, exponent));
      rows.push_back(row / row.abs().amax(1, true) * std::ldexp(1.9, exponent));
    }
    rows.push_back(torch::zeros({1, 40}, torch::kDouble));
    ExpectSameQuantization(torch::cat(rows).to(dtype));
  }
}

// The bits of positive numbers as one weight a row.
Tensor RowsOfBits(int64_t begin, int64_t end, torch::Dtype dtype) {
  const auto integer = dtype == torch::kFloat32 ? torch::kInt32 : torch::kInt16;
  return torch::arange(begin, end, torch::kInt64).to(integer).view(dtype).unsqueeze(1);
}

TEST(Fallback, QuantizesEveryLargestWeightOf16BitsAsTheCpuDoes) {
  for (const auto dtype : {torch::kBFloat16, torch::kFloat16}) {
    ExpectSameQuantization(RowsOfBits(0, dtype == torch::kFloat16 ? 0x7C00 : 0x7F80, dtype));
  }
}

TEST(Fallback, QuantizesLargestWeightsAtTheBoundariesOfFloat32AsTheCpuDoes) {
  // Around every multiple of 127 spacings that begins a binade of subnormal scales, and the first normal scale.
  for (int64_t steps = 1; steps <= (int64_t{1} << 23); steps *= 2) {
    for (int64_t step : {steps - 1, steps, steps + 1}) {
      const float largest = std::ldexp(static_cast<float>(127 * step), -149);
      const auto bits = torch::tensor(largest).view(torch::kInt32).item<int32_t>();
      ExpectSameQuantization(RowsOfBits(std::max(0, bits - 130), bits + 130, torch::kFloat32));
    }
  }
  ExpectSameQuantization(RowsOfBits(0, 20000, torch::kFloat32));
  ExpectSameQuantization(RowsOfBits(0x7F7FFF00, 0x7F800000, torch::kFloat32));
}

TEST(Fallback, QuantizesBlockByBlockAndTransposed) {
  torch::manual_seed(2);
  ExpectSameQuantization(torch::randn({3, 5000000}));
  ExpectSameQuantization(torch::randn({50, 7}).t());
  EXPECT_TRUE(torch::equal(QuantizeComposite(torch::empty({3, 0})).second, torch::ones({3})));
  EXPECT_EQ(QuantizeComposite(torch::empty({0, 3})).first.sizes(), at::IntArrayRef({0, 3}));
}

TEST(Fallback, WeightsThatAreNotFiniteAreNamed) {
  const auto message = [](float bad) -> std::string {
    Tensor weights = torch::randn({5, 6});
    weights[3][4] = bad;
    try {
      QuantizeComposite(weights);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message(std::numeric_limits<float>::quiet_NaN()), HasSubstr("row 3, column 4 is NaN"));
  EXPECT_THAT(message(-std::numeric_limits<float>::infinity()), HasSubstr("row 3, column 4 is infinite"));
}

TEST(Fallback, LinearIsTheDequantizedLayer) {
  torch::manual_seed(3);
  for (const auto dtype : kDtypes) {
    const double tolerance = dtype == torch::kFloat32 ? 1e-6 : dtype == torch::kBFloat16 ? 0x1p-7 : 0x1p-10;
    for (const auto scale_dtype : kDtypes) {
      const Tensor x = torch::randn({2, 3, 200}).to(dtype);
      const auto [q, scales] = quantize(torch::randn({17, 200}).to(scale_dtype));
      const Tensor bias = torch::randn({17}).to(scale_dtype);
      const Tensor y = LinearComposite(x, q, scales, bias);
      EXPECT_EQ(y.scalar_type(), dtype);
      EXPECT_LT(WorstError(y, Double(x, q, scales, bias), x, q, scales), tolerance) << dtype << scale_dtype;
      const Tensor nothing = torch::full_like(scales, std::numeric_limits<float>::quiet_NaN());
      EXPECT_TRUE(LinearComposite(x, q, nothing).isnan().all().item<bool>()) << "no weights yet";
    }
  }
}

TEST(Fallback, InFloat16SumsBeyondItsRangeComeOutRight) {
  torch::manual_seed(4);
  const Tensor q = torch::randint(-127, 128, {24, 512}, torch::kChar);
  const Tensor unit = torch::sign(q[0].to(torch::kFloat));
  // y[0, 0] = times * 65504 * scale, by an x that has the signs of the first row of q.
  for (double times : {10.0, 100.0, 1000.0}) {
    for (double scale : {1e-7, 3e-6, 6.1e-5, 1e-3, 0.05, 3.0, 500.0, 520.0, 60000.0, 1e7, 1e-12, 1e-30, 1e-41}) {
      const double sum = q[0].to(torch::kDouble).abs().sum().item<double>();
      const double y_largest = std::min(times * 65504 * scale, 65000.0);
      const double x_largest = std::min(y_largest / scale / sum, 60000.0);
      for (const auto scale_dtype : kDtypes) {
        if (scale_dtype == torch::kFloat16 && (scale > 65000 || scale < 1e-7)) continue;
        const Tensor x = (unit * x_largest).unsqueeze(0).to(torch::kHalf);
        const Tensor scales = torch::full({24}, scale, torch::kDouble).to(scale_dtype);
        const Tensor expected = Double(x, q, scales);
        const Tensor y = LinearComposite(x, q, scales);
        SCOPED_TRACE(testing::Message() << scale_dtype << " scale " << scale << ", y " << expected[0][0]);
        ASSERT_TRUE(y.isfinite().all().item<bool>());
        // Two roundings to float16 of numbers like y, or its smallest step.
        const Tensor bound = expected.abs() * 0x1p-10 + expected.abs().max() * 1e-4 + 0x1p-24;
        EXPECT_TRUE(((y.to(torch::kDouble) - expected).abs() <= bound).all().item<bool>())
            << (y.to(torch::kDouble) - expected).abs().max();
      }
    }
  }
}

TEST(Fallback, InFloat16ResultsUpToItsLargestNumber) {
  // One scale for each power of two, and y just below 65,504.
  for (int exponent = -14; exponent <= 12; ++exponent) {
    const double scale = std::ldexp(1.37, exponent);
    const Tensor q = torch::full({1, 64}, 127, torch::kChar);
    const double x_value = 65000.0 / scale / 127 / 64;
    if (x_value < 0x1p-14 || x_value > 65504) continue;
    const Tensor x = torch::full({1, 64}, x_value).to(torch::kHalf);
    const Tensor scales = torch::full({1}, scale);
    EXPECT_NEAR(LinearComposite(x, q, scales).item<double>() / Double(x, q, scales).item<double>(), 1, 1e-3) << scale;
  }
}

TEST(Fallback, ChecksItsArguments) {
  const auto [q, scales] = quantize(torch::randn({4, 4}));
  const Tensor x = torch::ones({1, 4});
  try {
    CallComposite("w8a16::linear", x, q, scales, std::optional<Tensor>(), int64_t{8});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("activation_bits is 8"));
  }
}

}  // namespace
}  // namespace w8a16
