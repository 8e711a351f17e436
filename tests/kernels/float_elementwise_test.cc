#include <limits>

#include "kernels/float_testing.h"

namespace w8a16::testing {
namespace {

class FloatElementwise : public FloatKernelTest {};
W8A16_INSTANTIATE_FLOAT_TEST(FloatElementwise);

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

float FromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

/// Lengths around those of all vectors, and a long one.
std::vector<int64_t> Lengths() {
  std::vector<int64_t> lengths;
  for (int64_t n = 1; n <= 70; ++n) lengths.push_back(n);
  lengths.insert(lengths.end(), {100, 127, 515, 4099});
  return lengths;
}

TEST_P(FloatElementwise, WidensEvery16BitNumberExactly) {
  for (DType dtype : {DType::kF16, DType::kBF16}) {
    std::vector<uint16_t> all(65536);
    for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint16_t>(i);
    std::vector<float> out(all.size());
    kernels().to_float(all.data(), dtype, 65536, out.data());
    for (int64_t i = 0; i < 65536; ++i) {
      const float expected = LoadFloat(all.data(), dtype, i);
      const float actual = out[static_cast<size_t>(i)];
      if (std::isnan(expected)) {
        ASSERT_TRUE(std::isnan(actual)) << i;
      } else {
        ASSERT_EQ(std::memcmp(&actual, &expected, sizeof(float)), 0) << i << " " << actual << " " << expected;
      }
    }
  }
}

TEST_P(FloatElementwise, RoundsAsTheScalarFunctionsDo) {
  std::vector<float> values;
  // Every number of 16 bits with the bits around each tie and each neighbour, in both formats.
  for (uint32_t high = 0; high < 65536; ++high) {
    for (uint32_t low : {0x0000U, 0x0001U, 0x7FFFU, 0x8000U, 0x8001U, 0xFFFFU})
      values.push_back(FromBits(high << 16 | low));
    const float half = F16ToFloat(static_cast<uint16_t>(high));
    const float next = F16ToFloat(static_cast<uint16_t>(high + 1));
    const float tie = half / 2 + next / 2;
    values.insert(values.end(), {half, tie, std::nextafter(tie, kInf), std::nextafter(tie, -kInf)});
  }
  values.insert(values.end(), {65519.996F, 65520.0F, -65520.0F, 1e-8F, kInf, -kInf, kNan, -kNan});
  const auto n = static_cast<int64_t>(values.size());
  for (DType dtype : kFloatTypes) {
    std::string actual(values.size() * DTypeSize(dtype), '\0');
    kernels().from_float(values.data(), n, actual.data(), dtype);
    if (dtype == DType::kF32) {
      ASSERT_EQ(std::memcmp(actual.data(), values.data(), actual.size()), 0);
      continue;
    }
    const std::string expected = RoundedBytes(values.data(), n, dtype);
    for (size_t i = 0; i < values.size(); ++i) {
      ASSERT_EQ(actual.substr(2 * i, 2), expected.substr(2 * i, 2)) << DTypeName(dtype) << " " << values[i];
    }
  }
}

TEST_P(FloatElementwise, ConversionsKeepToTheirMemory) {
  for (DType dtype : kFloatTypes) {
    for (int64_t n : Lengths()) {
      const Array in(dtype, Gaussian(n, 1));
      const Array wide(DType::kF32, n);
      const Array back(dtype, n);
      kernels().to_float(in.data(), dtype, n, wide.floats());
      for (int64_t i = 0; i < n; ++i) ASSERT_EQ(wide[i], in[i]);
      kernels().from_float(wide.floats(), n, back.data(), dtype);
      ASSERT_EQ(back.bytes(), in.bytes()) << n;
    }
  }
}

/// Rounding errors of a norm: the mean (below 2^-20: at most 64 additions for each chunk of 256), root, quotient and
/// two or three products, in all below 2^-20 of the result, and of `offset`, what bias and mean contribute.
void ExpectNormNear(float actual, double expected, double offset, DType dtype) {
  ASSERT_NEAR(static_cast<double>(actual), expected,
              0x1p-20 * (std::abs(expected) + offset) + HalfUlp(dtype, std::abs(expected)));
}

TEST_P(FloatElementwise, RmsNorm) {
  for (DType dtype : kFloatTypes) {
    for (int64_t n : Lengths()) {
      for (float offset : {0.0F, 1.0F}) {
        for (bool weighted : {true, false}) {
          const Array x(DType::kF32, Gaussian(n, 1, 3));
          const Array w(DType::kF32, Gaussian(n, 2));
          const Array y(dtype, n);
          const float eps = 1e-5F;
          kernels().rms_norm(x.floats(), weighted ? w.floats() : nullptr, offset, eps, n, y.data(), dtype);
          double squares = 0;
          for (int64_t i = 0; i < n; ++i) squares += x.at(i) * x.at(i);
          const double root = std::sqrt(squares / static_cast<double>(n) + static_cast<double>(eps));
          for (int64_t i = 0; i < n; ++i) {
            const double weight = weighted ? w.at(i) + static_cast<double>(offset) : 1;
            // The sum of weight and offset is rounded too: an error relative to it, so to the result.
            ASSERT_NO_FATAL_FAILURE(ExpectNormNear(y[i], x.at(i) / root * weight, 0, dtype)) << n << " " << i;
          }
        }
      }
    }
  }
}

TEST_P(FloatElementwise, RmsNormOfManyEqualNumbersIsAccurate) {
  // Float32 sums of equal numbers err in one direction; the error must not grow with n.
  const int64_t n = 65536;
  const Array x(DType::kF32, std::vector<float>(static_cast<size_t>(n), 1.1F));
  const Array y(DType::kF32, n);
  kernels().rms_norm(x.floats(), nullptr, 0, 0, n, y.data(), DType::kF32);
  for (int64_t i = 0; i < n; i += 1000) EXPECT_NEAR(y[i], 1, 1e-6);
}

TEST_P(FloatElementwise, LayerNorm) {
  for (DType dtype : kFloatTypes) {
    for (int64_t n : Lengths()) {
      for (int parts = 0; parts < 4; ++parts) {
        std::vector<float> shifted = Gaussian(n, 1);
        for (float& v : shifted) v += 2;
        const Array x(DType::kF32, shifted);
        const Array w(DType::kF32, Gaussian(n, 2));
        const Array b(DType::kF32, Gaussian(n, 3));
        const Array y(dtype, n);
        const float eps = 1e-5F;
        kernels().layer_norm(x.floats(), parts & 1 ? w.floats() : nullptr, parts & 2 ? b.floats() : nullptr, eps, n,
                             y.data(), dtype);
        double mean = 0;
        double variance = 0;
        for (int64_t i = 0; i < n; ++i) mean += x.at(i) / static_cast<double>(n);
        for (int64_t i = 0; i < n; ++i) variance += (x.at(i) - mean) * (x.at(i) - mean) / static_cast<double>(n);
        const double root = std::sqrt(variance + static_cast<double>(eps));
        for (int64_t i = 0; i < n; ++i) {
          const double weight = parts & 1 ? w.at(i) : 1;
          const double bias = parts & 2 ? b.at(i) : 0;
          const double expected = (x.at(i) - mean) / root * weight + bias;
          const double offset = std::abs(bias) + (std::abs(x.at(i)) + std::abs(mean)) / root * std::abs(weight);
          ASSERT_NO_FATAL_FAILURE(ExpectNormNear(y[i], expected, offset, dtype)) << n << " " << i;
        }
      }
    }
  }
}

TEST_P(FloatElementwise, NormsOfZerosAndNans) {
  const Array zeros(DType::kF32, std::vector<float>(20, 0));
  const Array y(DType::kF32, 20);
  kernels().rms_norm(zeros.floats(), nullptr, 0, 1e-6F, 20, y.data(), DType::kF32);
  for (int64_t i = 0; i < 20; ++i) EXPECT_EQ(y[i], 0);
  kernels().layer_norm(zeros.floats(), nullptr, nullptr, 1e-6F, 20, y.data(), DType::kF32);
  for (int64_t i = 0; i < 20; ++i) EXPECT_EQ(y[i], 0);
  zeros.floats()[19] = kNan;
  kernels().rms_norm(zeros.floats(), nullptr, 0, 1e-6F, 20, y.data(), DType::kF32);
  for (int64_t i = 0; i < 20; ++i) EXPECT_TRUE(std::isnan(y[i]));
}

TEST_P(FloatElementwise, Rope) {
  for (bool interleaved : {false, true}) {
    for (int64_t half : Lengths()) {
      const Array before(DType::kF32, Gaussian(2 * half, 1));
      const Array x(DType::kF32, std::vector<float>(before.floats(), before.floats() + 2 * half));
      const Array cos(DType::kF32, Gaussian(half, 2));
      const Array sin(DType::kF32, Gaussian(half, 3));
      kernels().rope(x.floats(), cos.floats(), sin.floats(), 2 * half, interleaved);
      for (int64_t i = 0; i < half; ++i) {
        const int64_t a = interleaved ? 2 * i : i;
        const int64_t b = interleaved ? 2 * i + 1 : i + half;
        const double tolerance =
            0x1p-22 * (std::abs(before.at(a)) + std::abs(before.at(b))) * (std::abs(cos.at(i)) + std::abs(sin.at(i)));
        ASSERT_NEAR(x.at(a), before.at(a) * cos.at(i) - before.at(b) * sin.at(i), tolerance) << half << " " << i;
        ASSERT_NEAR(x.at(b), before.at(b) * cos.at(i) + before.at(a) * sin.at(i), tolerance) << half << " " << i;
      }
    }
  }
}

double ExactActivation(Activation kind, double x) {
  switch (kind) {
    case Activation::kSilu:
      return x / (1 + std::exp(-x));
    case Activation::kGelu:
      return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case Activation::kGeluTanh:
      return x / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    default:
      return std::max(x, 0.0);
  }
}

const std::vector<Activation> kActivations = {Activation::kSilu, Activation::kGelu, Activation::kGeluTanh,
                                              Activation::kRelu};

TEST_P(FloatElementwise, Activations) {
  for (Activation kind : kActivations) {
    for (DType dtype : kFloatTypes) {
      for (int64_t n : Lengths()) {
        const Array gate(dtype, Gaussian(n, 1, 3));
        const Array up(dtype, Gaussian(n, 2));
        for (const Array* factor : {static_cast<const Array*>(nullptr), &up}) {
          const Array out(dtype, n);
          kernels().activate(kind, gate.data(), factor == nullptr ? nullptr : factor->data(), n, out.data(), dtype);
          for (int64_t i = 0; i < n; ++i) {
            const double expected = ExactActivation(kind, gate.at(i)) * (factor == nullptr ? 1 : factor->at(i));
            // An exponent's rounding error is relative to the exponent, x^2 at most, and exp makes it relative to the
            // result.
            const double argument = 8 + gate.at(i) * gate.at(i);
            ASSERT_NEAR(out.at(i), expected,
                        std::abs(expected) * argument * 0x1p-22 + HalfUlp(dtype, expected) + 0x1p-118)
                << static_cast<int>(kind) << " " << gate[i];
          }
        }
      }
    }
  }
}

TEST_P(FloatElementwise, ActivationsOverTheWholeRange) {
  std::vector<float> values;
  for (int i = -200000; i <= 200000; ++i) values.push_back(static_cast<float>(i) * 2e-4F);
  const auto n = static_cast<int64_t>(values.size());
  std::vector<float> out(values.size());
  for (Activation kind : kActivations) {
    kernels().activate(kind, values.data(), nullptr, n, out.data(), DType::kF32);
    for (size_t i = 0; i < values.size(); ++i) {
      const double x = static_cast<double>(values[i]);
      const double expected = ExactActivation(kind, x);
      // As above, and near zero the absolute error counts.
      const double tolerance = std::abs(expected) * (8 + x * x) * 0x1p-22 + 0x1p-118;
      ASSERT_NEAR(static_cast<double>(out[i]), expected, tolerance) << static_cast<int>(kind) << " of " << x;
      ASSERT_LE(std::abs(static_cast<double>(out[i]) - expected), 2.5e-7 * std::max(1.0, std::abs(x)));
    }
  }
}

TEST_P(FloatElementwise, ActivationsOfExtremes) {
  const std::vector<float> values = {kInf, 1e30F, 3e38F, -1e30F, kNan, 0.0F};
  for (Activation kind : kActivations) {
    std::vector<float> out(values.size());
    kernels().activate(kind, values.data(), nullptr, static_cast<int64_t>(values.size()), out.data(), DType::kF32);
    EXPECT_EQ(out[0], kInf) << static_cast<int>(kind);
    EXPECT_EQ(out[1], 1e30F);
    EXPECT_EQ(out[2], 3e38F);
    EXPECT_EQ(out[3], 0);
    EXPECT_TRUE(std::isnan(out[4])) << static_cast<int>(kind);
    EXPECT_EQ(out[5], 0);
  }
}

TEST_P(FloatElementwise, ActivateMayWorkInPlaceAndInPieces) {
  for (DType dtype : kFloatTypes) {
    const Array gate(dtype, Gaussian(101, 1));
    const Array up(dtype, Gaussian(101, 2));
    const Array whole(dtype, 101);
    kernels().activate(Activation::kSilu, gate.data(), up.data(), 101, whole.data(), dtype);
    for (int64_t i = 0; i < 101; i += 13) {
      const auto at = [&](const Array& a) {
        return static_cast<std::byte*>(a.data()) + static_cast<size_t>(i) * DTypeSize(dtype);
      };
      kernels().activate(Activation::kSilu, at(gate), at(up), std::min<int64_t>(13, 101 - i), at(gate), dtype);
    }
    EXPECT_EQ(gate.bytes(), whole.bytes());
  }
}

TEST_P(FloatElementwise, Add) {
  for (DType dtype : kFloatTypes) {
    for (int64_t n : Lengths()) {
      const Array before(DType::kF32, Gaussian(n, 1));
      const Array x(DType::kF32, std::vector<float>(before.floats(), before.floats() + n));
      const Array y(dtype, Gaussian(n, 2));
      kernels().add(x.floats(), y.data(), dtype, 0.3F, n);
      for (int64_t i = 0; i < n; ++i) {
        const double product = y.at(i) * static_cast<double>(0.3F);
        ASSERT_NEAR(x.at(i), before.at(i) + product, 0x1p-23 * (std::abs(before.at(i)) + std::abs(product)));
      }
    }
  }
}

TEST_P(FloatElementwise, ScaleAndCap) {
  for (float cap : {0.0F, 0.5F, 30.0F}) {
    for (int64_t n : Lengths()) {
      const Array before(DType::kF32, Gaussian(n, 1, 20));
      const Array x(DType::kF32, std::vector<float>(before.floats(), before.floats() + n));
      kernels().scale_and_cap(x.floats(), 0.3F, cap, n);
      for (int64_t i = 0; i < n; ++i) {
        const double scaled = before.at(i) * static_cast<double>(0.3F);
        const double wide = static_cast<double>(cap);
        const double expected = cap == 0 ? scaled : wide * std::tanh(scaled / wide);
        ASSERT_NEAR(x.at(i), expected, 0x1p-21 * std::abs(expected)) << cap << " " << before[i];
      }
    }
  }
}

TEST_P(FloatElementwise, NormsMayWorkInPlace) {
  for (int64_t n : Lengths()) {
    const Array w(DType::kF32, Gaussian(n, 2));
    const Array b(DType::kF32, Gaussian(n, 3));
    const Array apart(DType::kF32, n);
    for (bool rms : {true, false}) {
      const Array x(DType::kF32, Gaussian(n, 1));
      const auto norm = [&](const Array& y) {
        if (rms) {
          kernels().rms_norm(x.floats(), w.floats(), 1, 1e-5F, n, y.data(), DType::kF32);
        } else {
          kernels().layer_norm(x.floats(), w.floats(), b.floats(), 1e-5F, n, y.data(), DType::kF32);
        }
      };
      norm(apart);
      norm(x);
      ASSERT_EQ(x.bytes(), apart.bytes()) << n;
    }
  }
}

}  // namespace
}  // namespace w8a16::testing
