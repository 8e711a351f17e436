#include "kernels/linear_kernel.h"

#include <gtest/gtest.h>

#include "base/aligned_buffer.h"
#include "base/float_env.h"
#include "kernels/amx_emulation.h"
#include "kernels/kernel_table.h"
#include "testing/linear_problem.h"

namespace w8a16 {
namespace {

using testing::Problem;
using testing::Random;

constexpr DType kDTypes[] = {DType::kF32, DType::kBF16, DType::kF16};
constexpr Int8Encoding kEncodings[] = {Int8Encoding::kSigned, Int8Encoding::kFlipped};

// The digits of rows without outliers.
int32_t DigitsOf(const Problem& p) { return p.dtype == DType::kF32 && p.activation_bits == 24 ? 3 : 2; }

// What Linear does, without threads: outputs in ranges of `n_cut`, rows in ranges of `m_cut`.
std::vector<std::byte> Multiplied(const KernelTable& table, const Problem& p, int64_t n_cut, int64_t m_cut) {
  const DefaultFloatEnv env;
  const LinearKernel& kernel = *table.linear;
  std::vector<RowScale> rows(static_cast<size_t>(p.m));
  table.measure_rows(p.X(), DigitsOf(p), 0, p.m, rows.data());
  int32_t parts = 0;
  for (RowScale& row : rows) {
    row.first_part = parts;
    parts += kernel.parts[row.digits];
  }
  AlignedBuffer packed(kernel.packed_bytes(p.m, p.k));
  std::memset(packed.data(), 0x7B, packed.size());
  m_cut = (m_cut + kernel.row_align - 1) / kernel.row_align * kernel.row_align;
  for (int64_t m = (p.m - 1) / m_cut * m_cut; m >= 0; m -= m_cut) {
    kernel.pack(p.X(), rows.data(), m, std::min(m + m_cut, p.m), packed.data());
  }
  std::vector<std::byte> y = p.Blank();
  for (int64_t m = 0; m < p.m; m += m_cut) {
    for (int64_t n = 0; n < p.n; n += n_cut) {
      Matrix block = p.Y(y);
      block.data = block.Row(m);
      block.rows = std::min(m_cut, p.m - m);
      const MultiplyArgs args = {packed.data(),
                                 rows.data() + m,
                                 m,
                                 block.rows,
                                 p.k,
                                 p.weights.data(),
                                 p.w_stride,
                                 p.encoding,
                                 p.scales.data(),
                                 p.Bias(),
                                 n,
                                 std::min(n + n_cut, p.n),
                                 block};
      kernel.multiply(args);
      for (int64_t i = 0; i < args.m; ++i) {
        if (args.rows[i].digits == 0) NonFiniteRow(p.X().Row(m + i), p.dtype, args, i);
      }
    }
  }
  return y;
}

void ExpectEqual(const Problem& p, int64_t n_cut, int64_t m_cut) {
  const std::vector<std::byte> expected = p.Expected();
  for (Isa isa : AvailableIsas()) {
    const KernelTable& table = Kernels(isa);
    if (table.linear->declines(p.k) != nullptr) continue;
    ASSERT_EQ(p.Difference(expected, Multiplied(table, p, n_cut, m_cut)), "") << IsaName(isa);
  }
  if (const LinearKernel* amx = testing::EmulatedAmxKernel(); amx != nullptr && amx->declines(p.k) == nullptr) {
    KernelTable table = Kernels(Isa::kAvx512Vnni);
    table.linear = amx;
    ASSERT_EQ(p.Difference(expected, Multiplied(table, p, n_cut, m_cut)), "") << "amx, emulated";
  }
}

void ExpectAllEqual(const Problem& p, int64_t n_cut = 1 << 30, int64_t m_cut = 1 << 30) {
  ExpectEqual(p, n_cut, m_cut);
  if (p.dtype != DType::kF32) return;
  Problem with_16_bits = p;
  with_16_bits.activation_bits = 16;
  ExpectEqual(with_16_bits, n_cut, m_cut);
}

// Says which instruction sets the others of these tests could not cover here.
class EachInstructionSet : public ::testing::TestWithParam<Isa> {};

TEST_P(EachInstructionSet, EqualsTheDefinitionAroundEveryBlockEdge) {
  const std::string why = WhyUnavailable(GetParam());
  if (!why.empty()) GTEST_SKIP() << why;
  const KernelTable& table = Kernels(GetParam());
  uint64_t seed = 100;
  for (int64_t k : {15, 16, 17, 63, 64, 65, 127, 129, 2047, 2048, 2049, 4095, 4097}) {
    for (int64_t m : {1, 2, 3, 5, 13}) {
      const DType dtype = kDTypes[seed % 3];
      Problem p(m, 13, k, dtype, dtype, kEncodings[seed / 3 % 2], true, seed);
      if (seed % 2 == 0) p.activation_bits = 16;
      ASSERT_EQ(p.Difference(p.Expected(), Multiplied(table, p, 1 << 30, 1 << 30)), "");
      ++seed;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(LinearKernel, EachInstructionSet,
                         ::testing::Values(Isa::kAmx, Isa::kAvx512Vnni, Isa::kAvx512, Isa::kAvxVnni, Isa::kAvx2,
                                           Isa::kSse4, Isa::kSve, Isa::kNeonDot, Isa::kNeon, Isa::kRef),
                         [](const auto& isa) { return std::string(IsaName(isa.param)); });

TEST(LinearKernel, OnlyTilesDeclineLongRows) {
  for (Isa isa : AvailableIsas()) {
    if (isa == Isa::kAmx) continue;
    EXPECT_EQ(Kernels(isa).linear->declines(65537), nullptr) << IsaName(isa);
  }
}

TEST(LinearKernel, TablesAreOfTheInstructionSetsTheyAreAskedFor) {
  for (Isa isa : AvailableIsas()) EXPECT_EQ(Kernels(isa).isa, isa);
  EXPECT_EQ(ActiveKernels().isa, ActiveIsa());
  EXPECT_EQ(Kernels(Isa::kRef).linear->declines(1), nullptr);
}

TEST(LinearKernel, EqualsTheDefinitionForEveryTypeAndEncoding) {
  uint64_t seed = 1;
  for (DType dtype : kDTypes) {
    for (Int8Encoding encoding : kEncodings) {
      for (bool bias : {false, true}) {
        ExpectAllEqual(Problem(3, 9, 77, dtype, dtype, encoding, bias, seed++));
        ExpectAllEqual(Problem(3, 9, 77, dtype, DType::kF32, encoding, bias, seed++));
      }
    }
  }
}

TEST(LinearKernel, EveryShortRow) {
  for (int64_t k = 1; k <= 200; ++k) {
    const DType dtype = kDTypes[k % 3];
    ExpectAllEqual(Problem(1 + k % 3, 7, k, dtype, dtype, kEncodings[k / 3 % 2], k % 2 == 0, 1000 + k));
  }
}

TEST(LinearKernel, EveryNumberOfOutputs) {
  for (int64_t n = 1; n <= 110; n += n < 20 ? 1 : 3) {
    const DType dtype = kDTypes[n % 3];
    ExpectAllEqual(Problem(2, n, 40, dtype, dtype, kEncodings[n % 2], true, 2000 + n));
    ExpectAllEqual(Problem(9, n, 40, dtype, dtype, kEncodings[n % 2], true, 3000 + n), 16);
  }
}

TEST(LinearKernel, EveryNumberOfRows) {
  for (int64_t m = 1; m <= 40; ++m) {
    const DType dtype = kDTypes[m % 3];
    ExpectAllEqual(Problem(m, 11, 70, dtype, dtype, kEncodings[m % 2], m % 3 == 0, 4000 + m));
  }
  for (int64_t m : {127, 128, 129, 255, 257, 300}) {
    const DType dtype = kDTypes[m % 3];
    ExpectAllEqual(Problem(m, 5, 33, dtype, dtype, kEncodings[m % 2], true, 5000 + m));
    ExpectAllEqual(Problem(m, 50, 33, dtype, dtype, kEncodings[m % 2], true, 6000 + m), 16, 100);
  }
}

// Lengths where 16-bit products overflow 32 bits first, where digit sums do, and around blocks of k.
constexpr int64_t kLong[] = {518, 1023, 1025, 2047, 2048, 2049, 4095, 4097, 8191, 8193, 8289, 14336, 65536, 65537};

TEST(LinearKernel, LongRows) {
  for (int64_t k : kLong) {
    const DType dtype = kDTypes[k % 3];
    ExpectAllEqual(Problem(1, 3, k, dtype, dtype, kEncodings[k % 2], true, 7000 + k));
    ExpectAllEqual(Problem(9, 4, k, DType::kF32, DType::kF32, kEncodings[k % 2], false, 8000 + k));
  }
}

TEST(LinearKernel, ConstantRowsDoNotOverflow) {
  for (int64_t k : kLong) {
    for (DType dtype : {DType::kF32, DType::kBF16}) {
      for (Int8Encoding encoding : kEncodings) {
        for (int64_t m : {1, 6}) {
          Problem p(m, 3, k, dtype, DType::kF32, encoding, false, 1);
          const int8_t extremes[] = {127, -127, -128};  // -128: other programs' files; byte 0x00 where flipped
          for (int64_t i = 0; i < 3 * k; ++i) p.q[static_cast<size_t>(i)] = extremes[i / k];
          p.Encode();
          for (int64_t i = 0; i < m * k; ++i) p.SetX(i / k, i % k, i / k % 2 == 0 ? 2.5F : -2.5F);
          ExpectAllEqual(p);
        }
      }
    }
  }
}

TEST(LinearKernel, RowsWithOutliersGetThreeDigits) {
  for (DType dtype : kDTypes) {
    Problem p(19, 21, 203, dtype, dtype, Int8Encoding::kFlipped, true, 11);
    p.activation_bits = 16;
    Random random(5);
    for (int64_t i = 0; i < p.m; ++i) {
      // Around the limits: elements of exactly a / 256, and exactly three quarters small ones.
      const int64_t small = i % 2 == 0 ? 152 + i % 3 : random.Below(p.k);
      for (int64_t k = 1; k < p.k; ++k) {
        p.SetX(i, k, k <= small ? 0.9F : (k % 5 == 0 ? 0.0F : 1.0F + random.Uniform()));
      }
      p.SetX(i, 0, 256.0F);
    }
    ExpectAllEqual(p);
    std::vector<RowScale> rows(static_cast<size_t>(p.m));
    for (Isa isa : AvailableIsas()) {
      Kernels(isa).measure_rows(p.X(), DigitsOf(p), 0, p.m, rows.data());
      int three = 0;
      for (const RowScale& row : rows) three += row.digits == 3 ? 1 : 0;
      EXPECT_GT(three, 2) << IsaName(isa);
      EXPECT_LT(three, p.m - 2) << IsaName(isa);
    }
  }
}

TEST(LinearKernel, TheOutlierRuleIsExact) {
  struct Range {
    DType dtype;
    int lowest;
    int highest;
  };
  for (const Range& range :
       {Range{DType::kBF16, -133, 127}, Range{DType::kF16, -24, 15}, Range{DType::kF32, -149, 127}}) {
    const DType dtype = range.dtype;
    // Largest elements over the whole range, with all small elements next to a / 256 on either side.
    for (int e = range.lowest; e < range.highest; ++e) {
      const float a = std::ldexp(1.5F, e);
      for (int side : {-1, 0, 1}) {
        uint32_t near = 0;  // little-endian: the bits of any dtype
        StoreFloat(&near, dtype, 0, a / 256);
        near = side < 0 && near == 0 ? 0 : near + static_cast<uint32_t>(side);
        const float x_near = LoadFloat(&near, dtype, 0);
        Problem p(1, 2, 9, dtype, dtype, Int8Encoding::kSigned, false, 3);
        for (int64_t k = 0; k < p.k; ++k) p.SetX(0, k, k == 4 ? a : x_near);
        ExpectAllEqual(p);
      }
    }
  }
}

TEST(LinearKernel, TinyZeroAndHugeRows) {
  for (DType dtype : kDTypes) {
    Problem p(40, 19, 83, dtype, DType::kF32, Int8Encoding::kSigned, true, 12);
    for (int64_t i = 0; i < p.m; ++i) {
      // Powers of two from the smallest subnormal to the largest number.
      const int e = dtype == DType::kF16 ? static_cast<int>(i) - 24 : static_cast<int>(i * 277 / p.m) - 149;
      for (int64_t k = 0; k < p.k; ++k) {
        const float value = LoadFloat(p.X().Row(i), dtype, k);
        p.SetX(i, k, i == 7 ? 0.0F : std::ldexp(std::clamp(value, -1.0F, 1.0F), e));
      }
    }
    for (int64_t j = 0; j < p.n; ++j) {
      const auto at = static_cast<size_t>(j);
      if (j % 3 == 0) p.scales[at] = j % 2 == 0 ? 3e38F : 1e-38F;
      if (j % 4 == 0) p.bias[at] = j % 8 == 0 ? -0.0F : -std::numeric_limits<float>::infinity();
      if (j % 5 == 0) p.bias[at] = std::numeric_limits<float>::quiet_NaN();
      if (j == 6) std::fill_n(p.q.begin() + j * p.k, p.k, int8_t{0});
    }
    p.Encode();
    ExpectAllEqual(p);
    p.with_bias = false;
    ExpectAllEqual(p);
    p.y_dtype = dtype;
    ExpectAllEqual(p);
  }
}

TEST(LinearKernel, RowsThatAreNotFinite) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const float bad[] = {kInf, -kInf, std::numeric_limits<float>::quiet_NaN()};
  for (DType dtype : kDTypes) {
    for (int64_t m : {1, 3, 30}) {
      Problem p(m, 20, 45, dtype, dtype, Int8Encoding::kFlipped, true, 13);
      Random random(8);
      for (int64_t i = 0; i < m; i += 2) {
        for (int64_t j = 0; j < 1 + i % 5; ++j) p.SetX(i, random.Below(p.k), bad[(i + j) % 3]);
      }
      for (int64_t j = 0; j < p.n; j += 4) p.q[static_cast<size_t>(j * p.k)] = 0;  // 0 * inf
      p.bias[3] = -kInf;
      p.Encode();
      ExpectAllEqual(p);
      ExpectAllEqual(p, 16, 7);
    }
  }
}

TEST(LinearKernel, HalvesAreRoundedToNearestEven) {
  // Results on and around ties of bf16 and f16, over their whole range: y = 127 * x * scale / 127.
  for (DType dtype : {DType::kBF16, DType::kF16}) {
    Problem p(1, 4000, 1, dtype, dtype, Int8Encoding::kSigned, false, 14);
    Random random(9);
    p.SetX(0, 0, 1.0F);
    for (int64_t j = 0; j < p.n; ++j) {
      const int e =
          dtype == DType::kBF16 ? static_cast<int>(random.Below(250)) - 126 : static_cast<int>(random.Below(46)) - 28;
      const uint32_t ties = dtype == DType::kBF16 ? 0x8000 : 0x1000;
      const uint32_t mantissa = ((random.Bits() & 0x7FFFFFU) & ~(2 * ties - 1)) + ties + random.Bits() % 3 - 1;
      p.scales[static_cast<size_t>(j)] =
          std::bit_cast<float>((static_cast<uint32_t>(127 + e) << 23) | (mantissa & 0x7FFFFFU));
      p.q[static_cast<size_t>(j)] = 1;
    }
    p.Encode();
    ExpectAllEqual(p);
  }
}

}  // namespace
}  // namespace w8a16
