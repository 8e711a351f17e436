#include <limits>

#include "kernels/float_testing.h"

namespace w8a16::testing {
namespace {

class FloatLinear : public FloatKernelTest {};
W8A16_INSTANTIATE_FLOAT_TEST(FloatLinear);

struct Problem {
  int64_t m, n, k;
  DType weight_dtype;
  bool with_bias = true;
  int64_t extra_stride = 0;
};

/// x, weights and bias of a problem, all ending at forbidden memory.
struct Data {
  explicit Data(const Problem& p, uint32_t seed = 1)
      : problem(p),
        x(DType::kF32, Gaussian((p.m - 1) * (p.k + p.extra_stride) + p.k, seed)),
        w(p.weight_dtype, Gaussian((p.n - 1) * (p.k + p.extra_stride) + p.k, seed + 1)),
        bias(DType::kF32, Gaussian(p.n, seed + 2)) {}
  FloatLinearArgs Args(const Array& y) const {
    const int64_t stride = problem.k + problem.extra_stride;
    return {x.floats(),
            stride,
            problem.m,
            problem.k,
            {w.data(), w.dtype(), problem.n, problem.k, stride},
            problem.with_bias ? bias.floats() : nullptr,
            0,
            problem.n,
            {y.data(), y.dtype(), problem.m, problem.n, problem.n}};
  }
  Problem problem;
  Array x, w, bias;
};

/// The error of a sum in float32 with one rounding for each product (none with a fused operation) and addition: a term
/// passes through at most k/4 + 8 additions, as there are at least four lanes.
void ExpectExact(const Data& data, const Array& y) {
  const Problem& p = data.problem;
  const int64_t stride = p.k + p.extra_stride;
  for (int64_t m = 0; m < p.m; ++m) {
    for (int64_t n = 0; n < p.n; ++n) {
      double sum = p.with_bias ? data.bias.at(n) : 0;
      double magnitude = std::abs(sum);
      for (int64_t i = 0; i < p.k; ++i) {
        const double product = data.x.at(m * stride + i) * data.w.at(n * stride + i);
        sum += product;
        magnitude += std::abs(product);
      }
      const double additions = static_cast<double>(p.k) / 4 + 8;
      ASSERT_NEAR(y.at(m * p.n + n), sum, additions * 0x1p-24 * magnitude)
          << "m " << m << " of " << p.m << ", n " << n << " of " << p.n << ", k " << p.k << " "
          << DTypeName(p.weight_dtype);
    }
  }
}

TEST_P(FloatLinear, EqualsSumsInFloat64) {
  for (DType dtype : kFloatTypes) {
    for (int64_t k = 1; k <= 100; ++k) {
      const Data data({.m = 1 + k % 6,
                       .n = 1 + k % 9,
                       .k = k,
                       .weight_dtype = dtype,
                       .with_bias = k % 2 == 0,
                       .extra_stride = k % 3},
                      static_cast<uint32_t>(k));
      const Array y(DType::kF32, data.problem.m * data.problem.n);
      kernels().linear(data.Args(y));
      ExpectExact(data, y);
    }
    for (const Problem& p : {Problem{9, 37, 1031, dtype}, Problem{1, 13, 4099, dtype}, Problem{67, 5, 300, dtype},
                             Problem{3, 2, 14336, dtype}}) {
      const Data data(p);
      const Array y(DType::kF32, p.m * p.n);
      kernels().linear(data.Args(y));
      ExpectExact(data, y);
    }
  }
}

TEST_P(FloatLinear, RoundsTheFloat32ResultOnceToTheTypeOfY) {
  for (DType weight_dtype : kFloatTypes) {
    for (int64_t n = 1; n <= 19; ++n) {
      const Data data({.m = 5, .n = n, .k = 70, .weight_dtype = weight_dtype});
      const Array y(DType::kF32, 5 * n);
      kernels().linear(data.Args(y));
      for (DType dtype : {DType::kF16, DType::kBF16}) {
        const Array rounded(dtype, 5 * n);
        kernels().linear(data.Args(rounded));
        if (GetParam() != Isa::kRef) {
          ASSERT_EQ(rounded.bytes(), RoundedBytes(y.floats(), y.size(), dtype)) << n;
        }
        for (int64_t i = 0; i < y.size(); ++i) ASSERT_NEAR(rounded.at(i), y.at(i), HalfUlp(dtype, y.at(i)));
      }
    }
  }
}

TEST_P(FloatLinear, ResultsDoNotDependOnHowWorkIsCut) {
  for (DType dtype : kFloatTypes) {
    const Data data({.m = 300, .n = 23, .k = 261, .weight_dtype = dtype});
    const Array whole(DType::kF32, 300 * 23);
    kernels().linear(data.Args(whole));
    const Array parts(DType::kF32, 300 * 23);
    for (int64_t m = 0; m < 300; m += 1 + m % 7) {
      for (int64_t n = 0; n < 23; n += 1 + n % 5) {
        FloatLinearArgs args = data.Args(parts);
        args.x += m * args.x_stride;
        args.m = std::min<int64_t>(1 + m % 7, 300 - m);
        args.y.data = args.y.Row(m);
        args.n_begin = n;
        args.n_end = std::min<int64_t>(n + 1 + n % 5, 23);
        kernels().linear(args);
      }
    }
    ASSERT_EQ(parts.bytes(), whole.bytes()) << DTypeName(dtype);
  }
}

TEST_P(FloatLinear, WritesOnlyItsOutputs) {
  for (DType dtype : kFloatTypes) {
    const Data data({.m = 3, .n = 11, .k = 20, .weight_dtype = DType::kF32});
    const int64_t stride = 14;
    const Array y(dtype, std::vector<float>(static_cast<size_t>(3 * stride), 77));
    FloatLinearArgs args = data.Args(y);
    args.y.stride = stride;
    args.n_begin = 2;
    args.n_end = 9;
    kernels().linear(args);
    for (int64_t i = 0; i < y.size(); ++i) {
      const bool inside = i % stride >= 2 && i % stride < 9;
      EXPECT_EQ(y[i] != 77, inside) << i;
    }
  }
}

TEST_P(FloatLinear, InfinitiesAndNansStayInTheirRowAndColumn) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  Data data({.m = 5, .n = 6, .k = 33, .weight_dtype = DType::kBF16});
  data.x.floats()[1 * 33 + 32] = kInf;
  data.x.floats()[3 * 33 + 5] = std::numeric_limits<float>::quiet_NaN();
  const Array y(DType::kF32, 30);
  kernels().linear(data.Args(y));
  for (int64_t i = 0; i < 30; ++i) {
    const int64_t m = i / 6;
    EXPECT_EQ(std::isinf(y[i]), m == 1) << i;
    EXPECT_EQ(std::isnan(y[i]), m == 3) << i;
  }
}

TEST_P(FloatLinear, EmptyProblemsAndEmptyRows) {
  const Data data({.m = 2, .n = 5, .k = 3, .weight_dtype = DType::kF32});
  const Array y(DType::kF32, std::vector<float>(10, 5));
  FloatLinearArgs args = data.Args(y);
  args.m = 0;
  kernels().linear(args);
  args.m = 2;
  args.n_end = 0;
  kernels().linear(args);
  EXPECT_EQ(y[0], 5);
  args.n_end = 5;
  args.k = 0;
  kernels().linear(args);
  for (int64_t i = 0; i < 10; ++i) EXPECT_EQ(y[i], data.bias[i % 5]);
}

}  // namespace
}  // namespace w8a16::testing
