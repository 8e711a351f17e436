#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "w8a16/linear.h"
#include "w8a16/torch.h"

namespace w8a16 {
namespace {

using ::testing::HasSubstr;
using torch::Tensor;

const std::vector<torch::Dtype> kDtypes = {torch::kFloat32, torch::kBFloat16, torch::kFloat16};

DType NativeDType(torch::Dtype dtype) {
  return dtype == torch::kFloat32 ? DType::kF32 : dtype == torch::kBFloat16 ? DType::kBF16 : DType::kF16;
}

// The same product by the native library.
Tensor Native(const Tensor& x, const Tensor& int8_weights, const Tensor& scales, const Tensor& bias,
              ActivationBits bits = ActivationBits::k24) {
  Int8Weights weights;
  weights.data = int8_weights.data_ptr();
  weights.out_features = int8_weights.size(0);
  weights.in_features = int8_weights.size(1);
  weights.row_stride = int8_weights.size(1);
  weights.scales = scales.data_ptr();
  weights.scale_dtype = NativeDType(scales.scalar_type());
  weights.bias = bias.data_ptr();
  weights.bias_dtype = NativeDType(bias.scalar_type());
  const Tensor rows = x.contiguous();
  const Tensor y = torch::empty({x.size(0), int8_weights.size(0)}, x.options());
  Workspace workspace;
  Linear(weights, "native")
      .Forward({rows.data_ptr(), NativeDType(x.scalar_type()), x.size(0), x.size(1), x.size(1)},
               {y.data_ptr(), NativeDType(x.scalar_type()), y.size(0), y.size(1), y.size(1)}, workspace, bits);
  return y;
}

Tensor Double(const Tensor& x, const Tensor& int8_weights, const Tensor& scales, const Tensor& bias) {
  const Tensor y = torch::matmul(x.to(torch::kDouble), int8_weights.to(torch::kDouble).t()) * scales.to(torch::kDouble);
  return bias.defined() ? y + bias.to(torch::kDouble) : y;
}

std::string MessageOf(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Operator, SameBitsAsTheNativeLibrary) {
  torch::manual_seed(1);
  for (const auto dtype : kDtypes) {
    const Tensor x = torch::randn({5, 96}).to(dtype);
    const Tensor bias = torch::randn({33}).to(dtype);
    const auto [q, scales] = quantize(torch::randn({33, 96}).to(dtype));
    EXPECT_EQ(scales.scalar_type(), dtype);
    EXPECT_TRUE(torch::equal(linear(x, q, scales, bias), Native(x, q, scales, bias))) << dtype;
  }
}

TEST(Operator, ActivationBitsAreForFloat32) {
  torch::manual_seed(6);
  for (const auto dtype : kDtypes) {
    const Tensor x = torch::randn({5, 96}).to(dtype);
    const Tensor bias = torch::randn({33}).to(dtype);
    const auto [q, scales] = quantize(torch::randn({33, 96}).to(dtype));
    const Tensor with_24 = linear(x, q, scales, bias, 24);
    const Tensor with_16 = linear(x, q, scales, bias, 16);
    EXPECT_TRUE(torch::equal(with_24, linear(x, q, scales, bias)));
    EXPECT_TRUE(torch::equal(with_16, Native(x, q, scales, bias, ActivationBits::k16)));
    EXPECT_EQ(torch::equal(with_16, with_24), dtype != torch::kFloat32);
    EXPECT_THAT(MessageOf([&, &q = q, &scales = scales] { linear(x, q, scales, bias, 8); }),
                HasSubstr("activation_bits is 8; it must be 24 (the accuracy of float32) or 16"));
  }
}

TEST(Operator, TheSchemaHasDefaults) {
  std::ostringstream schema;
  schema << c10::Dispatcher::singleton().findSchemaOrThrow("w8a16::linear", "").schema();
  EXPECT_EQ(schema.str(),
            "w8a16::linear(Tensor x, Tensor int8_weights, Tensor scales, Tensor? bias=None, int activation_bits=24) -> "
            "Tensor");
}

TEST(Operator, CloseToFloat64) {
  torch::manual_seed(2);
  const Tensor x = torch::randn({7, 300});
  const Tensor bias = torch::randn({50});
  const auto [q, scales] = quantize(torch::randn({50, 300}));
  const Tensor expected = Double(x, q, scales, bias);
  EXPECT_LT(((linear(x, q, scales, bias) - expected).norm() / expected.norm()).item<double>(), 1e-5);
}

TEST(Operator, AnyLeadingShapeAndStrides) {
  torch::manual_seed(3);
  for (const auto dtype : kDtypes) {
    const Tensor bias = torch::randn({6}).to(dtype);
    const auto [q, scales] = quantize(torch::randn({6, 8}).to(dtype));
    const Tensor big = torch::randn({4, 3, 16}).to(dtype);
    const std::vector<Tensor> inputs = {
        big.slice(2, 0, 8),                                   // rows with gaps
        big.slice(2, 0, 16, 2),                               // elements with gaps
        big.transpose(0, 1).slice(2, 0, 8),                   // rows in another order
        big[0].slice(1, 0, 8),                                // two dimensions, rows with gaps
        big.select(0, 1).select(0, 2).slice(0, 0, 8),         // one dimension
        big.slice(2, 0, 8).slice(0, 0, 1).expand({5, 3, 8}),  // zero stride
        big.slice(2, 0, 1).expand({4, 3, 8}),                 // all elements one
        big.slice(2, 0, 8).slice(0, 0, 0),                    // no rows
    };
    for (const Tensor& x : inputs) {
      const Tensor y = linear(x, q, scales, bias);
      std::vector<int64_t> shape = x.sizes().vec();
      shape.back() = 6;
      EXPECT_EQ(y.sizes(), at::IntArrayRef(shape));
      EXPECT_EQ(y.scalar_type(), dtype);
      const Tensor rows = x.reshape({-1, 8});
      EXPECT_TRUE(torch::equal(y.reshape({-1, 6}), Native(rows, q, scales, bias))) << x.sizes() << x.strides();
    }
    const Tensor strided_weights = torch::cat({q, q}, 1).slice(1, 0, 8);
    EXPECT_TRUE(torch::equal(linear(big[0].slice(1, 0, 8), strided_weights, scales, bias),
                             linear(big[0].slice(1, 0, 8), q, scales, bias)));
  }
}

TEST(Operator, LayersWithoutInputsOrOutputs) {
  const Tensor bias = torch::randn({3});
  const Tensor scales = torch::ones({3});
  EXPECT_TRUE(torch::equal(linear(torch::empty({2, 0}), torch::empty({3, 0}, torch::kChar), scales, bias),
                           bias.expand({2, 3})));
  EXPECT_EQ(linear(torch::ones({2, 4}), torch::empty({0, 4}, torch::kChar), torch::ones({0})).sizes(),
            at::IntArrayRef({2, 0}));
  const auto [q, ones] = quantize(torch::empty({3, 0}));
  EXPECT_TRUE(torch::equal(ones, scales));
}

TEST(Operator, GradientOfTheDequantizedLayer) {
  torch::manual_seed(4);
  const auto [q, scales] = quantize(torch::randn({40, 24}));
  const Tensor x = torch::randn({2, 5, 24}).requires_grad_(true);
  const Tensor bias = torch::randn({40}).requires_grad_(true);
  const Tensor grad_y = torch::randn({2, 5, 40});
  linear(x, q, scales, bias).backward(grad_y);

  const Tensor x64 = x.detach().to(torch::kDouble).requires_grad_(true);
  Double(x64, q, scales, bias.detach()).backward(grad_y.to(torch::kDouble));
  EXPECT_LT(((x.grad() - x64.grad()).norm() / x64.grad().norm()).item<double>(), 1e-5);
  EXPECT_TRUE(torch::allclose(bias.grad(), grad_y.reshape({-1, 40}).sum(0), 1e-5, 1e-5));

  const Tensor half = x.detach().to(torch::kBFloat16).requires_grad_(true);
  linear(half, q, scales).sum().backward();
  EXPECT_EQ(half.grad().scalar_type(), torch::kBFloat16);
}

TEST(Operator, NoGraphWhereNothingNeedsOne) {
  const auto [q, scales] = quantize(torch::randn({4, 4}));
  EXPECT_FALSE(linear(torch::randn({1, 4}), q, scales).requires_grad());
  const torch::NoGradGuard no_grad;
  EXPECT_FALSE(linear(torch::randn({1, 4}).requires_grad_(true), q, scales).requires_grad());
}

TEST(Operator, ShapesOnTheMetaDevice) {
  const auto [q, scales] = quantize(torch::randn({6, 8}, torch::kMeta));
  EXPECT_EQ(q.scalar_type(), torch::kChar);
  EXPECT_EQ(q.sizes(), at::IntArrayRef({6, 8}));
  EXPECT_EQ(scales.sizes(), at::IntArrayRef({6}));
  const Tensor y = linear(torch::empty({2, 3, 8}, torch::TensorOptions(torch::kMeta).dtype(torch::kHalf)), q, scales);
  EXPECT_EQ(y.sizes(), at::IntArrayRef({2, 3, 6}));
  EXPECT_EQ(y.scalar_type(), torch::kHalf);
}

TEST(Operator, QuantizesTransposedWeightsBlockByBlock) {
  torch::manual_seed(5);
  const Tensor weights = torch::randn({7, 600});
  const auto [q, scales] = quantize(weights.t());
  const auto [expected_q, expected_scales] = quantize(weights.t().contiguous());
  EXPECT_TRUE(torch::equal(q, expected_q));
  EXPECT_TRUE(torch::equal(scales, expected_scales));
}

TEST(Operator, BadInputSaysWhatToDo) {
  const auto [q_, scales_] = quantize(torch::randn({6, 8}));
  const Tensor q = q_;
  const Tensor scales = scales_;
  const Tensor x = torch::randn({2, 8});
  const auto message = [](const Tensor& a, const Tensor& b, const Tensor& c, const Tensor& d = {}) {
    return MessageOf([&] { linear(a, b, c, d); });
  };
  EXPECT_THAT(message(torch::randn({2, 7}), q, scales),
              HasSubstr("last dimension of x is 7, but the layer has in_features = 8"));
  EXPECT_THAT(message(torch::tensor(1.0F), q, scales), HasSubstr("x has no dimensions"));
  EXPECT_THAT(message(x.to(torch::kDouble), q, scales),
              HasSubstr("x is Double; it must be float32, bfloat16 or float16"));
  EXPECT_THAT(message(x, q.to(torch::kInt), scales), HasSubstr("int8_weights must be int8"));
  EXPECT_THAT(message(x, q[0], scales), HasSubstr("int8_weights must be int8 [out_features, in_features]"));
  EXPECT_THAT(message(x, q, scales.slice(0, 0, 5)), HasSubstr("scales has shape [5]"));
  EXPECT_THAT(message(x, q, scales, torch::ones({1, 6})), HasSubstr("bias has shape [1, 6]"));
  EXPECT_THAT(message(x, q, scales.to(torch::kMeta)), HasSubstr("move layer and input to one device"));
  EXPECT_THAT(message(x, q, torch::zeros({6})), HasSubstr("call quantize(weights) or load"));
  EXPECT_THAT(message(x, q, scales.clone().requires_grad_(true)), HasSubstr("scales require a gradient"));
  EXPECT_THAT(MessageOf([] { quantize(torch::randn({3})); }), HasSubstr("[out_features, in_features]"));
  EXPECT_THAT(MessageOf([] { quantize(torch::ones({3, 3}, torch::kInt)); }), HasSubstr("weights is Int"));
  Tensor bad = torch::randn({300, 3}).t();
  bad[2][299] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(MessageOf([&] { quantize(bad); }), HasSubstr("row 2, column 299"));
}

}  // namespace
}  // namespace w8a16
