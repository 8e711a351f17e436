#include <ATen/autocast_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/forward_grad.h>
#include <torch/torch.h>

#include <string>
#include <utility>

#include "w8a16/torch.h"

namespace w8a16 {
namespace {

using ::testing::HasSubstr;
using torch::Tensor;

struct Layer {
  Layer() { std::tie(q, scales) = quantize(torch::randn({5, 6})); }
  // The same in float32, for gradients to compare with.
  Tensor Float(const Tensor& x) const { return torch::linear(x, q * scales.unsqueeze(1), bias); }
  Tensor operator()(const Tensor& x) const { return linear(x, q, scales, bias); }
  Tensor q, scales;
  Tensor bias = torch::randn({5});
};

class ForwardMode {
 public:
  ForwardMode() : level_(torch::autograd::ForwardADLevel::get_next_idx()) {}
  ~ForwardMode() { torch::autograd::ForwardADLevel::release_idx(level_); }
  ForwardMode(const ForwardMode&) = delete;
  ForwardMode& operator=(const ForwardMode&) = delete;

  Tensor Dual(const Tensor& value, const Tensor& tangent) const {
    return at::_make_dual(value, tangent, static_cast<int64_t>(level_));
  }
  std::pair<Tensor, Tensor> Parts(const Tensor& dual) const {
    auto [value, tangent] = at::_unpack_dual(dual, static_cast<int64_t>(level_));
    return {value, tangent};
  }

 private:
  uint64_t level_;
};

TEST(ForwardMode, TheTangentIsTheLayerOfTheTangent) {
  torch::manual_seed(1);
  const Layer layer;
  const ForwardMode mode;
  const Tensor x = torch::randn({3, 6});
  const Tensor t = torch::randn({3, 6});
  const auto [y, y_tangent] = mode.Parts(layer(mode.Dual(x, t)));
  EXPECT_TRUE(torch::equal(y, layer(x)));
  ASSERT_TRUE(y_tangent.defined());
  EXPECT_TRUE(torch::allclose(y_tangent, layer.Float(t) - layer.bias, 1e-5, 1e-5));

  const Tensor bias_t = torch::randn({5});
  const Tensor dual_bias = mode.Dual(layer.bias, bias_t);
  EXPECT_TRUE(torch::equal(mode.Parts(linear(x, layer.q, layer.scales, dual_bias)).second, bias_t.expand({3, 5})));
  EXPECT_TRUE(torch::allclose(mode.Parts(linear(mode.Dual(x, t), layer.q, layer.scales, dual_bias)).second,
                              y_tangent + bias_t));
}

TEST(ForwardMode, OverReverseMode) {
  torch::manual_seed(2);
  const Layer layer;
  const auto gradient_along = [](const auto& f, const Tensor& x, const Tensor& t) {
    const ForwardMode mode;
    const Tensor leaf = x.clone().requires_grad_(true);
    const Tensor loss = f(mode.Dual(leaf, t)).pow(2).sum();
    const Tensor gradient = torch::autograd::grad({loss}, {leaf}, {}, std::nullopt, /*create_graph=*/true)[0];
    return std::make_pair(gradient.detach(), mode.Parts(gradient).second);
  };
  const Tensor x = torch::randn({6});
  const Tensor t = torch::randn({6});
  const auto [gradient, hessian_t] = gradient_along(layer, x, t);
  const auto [expected, expected_hessian_t] = gradient_along([&](const Tensor& v) { return layer.Float(v); }, x, t);
  EXPECT_TRUE(torch::allclose(gradient, expected, 1e-4, 1e-4));
  ASSERT_TRUE(hessian_t.defined());
  EXPECT_TRUE(torch::allclose(hessian_t, expected_hessian_t, 1e-4, 1e-4));
}

TEST(ForwardMode, ScalesWithATangentAreRefused) {
  const Layer layer;
  const ForwardMode mode;
  try {
    linear(torch::ones({1, 6}), layer.q, mode.Dual(layer.scales, layer.scales));
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("scales require a gradient"));
  }
}

class Autocast {
 public:
  explicit Autocast(torch::Dtype dtype, at::DeviceType device = at::kCPU)
      : device_(device),
        enabled_(at::autocast::is_autocast_enabled(device)),
        before_(at::autocast::get_autocast_dtype(device)) {
    at::autocast::set_autocast_enabled(device, true);
    at::autocast::set_autocast_dtype(device, dtype);
  }
  ~Autocast() {
    at::autocast::set_autocast_enabled(device_, enabled_);
    at::autocast::set_autocast_dtype(device_, before_);
    at::autocast::clear_cache();
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  at::DeviceType device_;
  bool enabled_;
  torch::Dtype before_;
};

TEST(Autocast, XAndYHaveItsDtype) {
  torch::manual_seed(3);
  const Layer layer;
  const Tensor x = torch::randn({3, 6});
  for (const auto dtype : {torch::kBFloat16, torch::kHalf}) {
    const Tensor expected = layer(x.to(dtype));
    for (const auto x_dtype : {torch::kFloat32, dtype}) {
      const Autocast autocast(dtype);
      const Tensor y = layer(x.to(x_dtype));
      EXPECT_EQ(y.scalar_type(), dtype);
      EXPECT_TRUE(torch::equal(y, expected));
    }
  }
  EXPECT_EQ(layer(x).scalar_type(), torch::kFloat32);
}

TEST(Autocast, GradientsGoThroughTheCast) {
  const Layer layer;
  const Tensor x = torch::randn({3, 6}).requires_grad_(true);
  const Autocast autocast(torch::kBFloat16);
  layer(x).sum().backward();
  ASSERT_TRUE(x.grad().defined());
  EXPECT_EQ(x.grad().scalar_type(), torch::kFloat32);
}

TEST(Autocast, OfAnotherDeviceLeavesTheCpuAlone) {
  const Layer layer;
  const Tensor x = torch::randn({3, 6});
  const Tensor expected = layer(x);
  const Autocast autocast(torch::kHalf, at::kCUDA);
  EXPECT_TRUE(torch::equal(layer(x), expected));
}

TEST(Autocast, WrongDtypesStayWrong) {
  const Layer layer;
  const Autocast autocast(torch::kBFloat16);
  EXPECT_THROW(layer(torch::ones({1, 6}, torch::kDouble)), Error);
  EXPECT_THROW(layer(torch::ones({1, 6}, torch::kInt)), Error);
}

}  // namespace
}  // namespace w8a16
