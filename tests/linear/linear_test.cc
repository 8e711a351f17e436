#include "w8a16/linear.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <new>
#include <thread>

#include "base/isa.h"
#include "base/parallel.h"
#include "testing/isas.h"
#include "testing/linear_problem.h"
#include "w8a16/error.h"

namespace {
std::atomic<int64_t> g_allocations{0};
}  // namespace

void* operator new(size_t size) {
  ++g_allocations;
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
// GCC pairs these with the library's operator new where it inlines only one of the two.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t /*size*/) noexcept { std::free(memory); }
#pragma GCC diagnostic pop

namespace w8a16 {
namespace {

using ::testing::AllOf;
using testing::ForEachIsa;
using ::testing::HasSubstr;
using testing::Problem;
using testing::Random;

Int8Weights WeightsOf(const Problem& p) {
  Int8Weights weights;
  weights.data = p.weights.data();
  weights.encoding = p.encoding;
  weights.out_features = p.n;
  weights.in_features = p.k;
  weights.row_stride = p.w_stride;
  weights.scales = p.scales.data();
  weights.bias = p.Bias();
  return weights;
}

std::vector<std::byte> Forward(const Linear& layer, const Problem& p, Workspace& workspace) {
  std::vector<std::byte> y = p.Blank();
  layer.Forward(p.X(), p.Y(y), workspace, ActivationBitsOf(p.activation_bits));
  return y;
}

class Threads {
 public:
  explicit Threads(int threads) : before_(MaxThreads()) { SetMaxThreads(threads); }
  ~Threads() { SetMaxThreads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

TEST(Linear, TellsWhatItIs) {
  const Problem p(1, 5, 7, DType::kF32, DType::kF32, Int8Encoding::kSigned, true, 1);
  const Linear layer(WeightsOf(p), "model.q_proj");
  EXPECT_EQ(layer.name(), "model.q_proj");
  EXPECT_EQ(layer.in_features(), 7);
  EXPECT_EQ(layer.out_features(), 5);
  EXPECT_TRUE(layer.quantized());
  EXPECT_TRUE(layer.has_bias());
  EXPECT_EQ(layer.weight_bytes(), 5 * 7 + 2 * 5 * sizeof(float));
  EXPECT_STREQ(layer.isa(), IsaName(ActiveIsa()));
}

TEST(Linear, EqualsTheDefinitionWithAnyInstructionSetAndAnyNumberOfThreads) {
  struct Shape {
    int64_t m, n, k;
  };
  // Serial, parallel over outputs, parallel over rows, and parallel in packing, too.
  for (const Shape& s : {Shape{1, 64, 64}, Shape{1, 1500, 1000}, Shape{40, 200, 300}, Shape{700, 9, 520},
                         Shape{150, 70, 1100}, Shape{2, 33, 65537}}) {
    for (DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
      const auto seed = static_cast<uint64_t>(s.m + s.n + s.k);
      Problem p(s.m, s.n, s.k, dtype, dtype, s.n % 2 == 0 ? Int8Encoding::kFlipped : Int8Encoding::kSigned, true, seed);
      p.SetX(s.m / 2, s.k / 2, 4000.0F);
      if (s.m > 1) p.SetX(s.m - 1, 0, std::numeric_limits<float>::infinity());
      const std::vector<std::byte> expected = p.Expected();
      ForEachIsa([&] {
        if (ActiveIsa() == Isa::kRef && s.m * s.n * s.k > 2000000) return;
        const Linear layer(WeightsOf(p), "layer");
        for (int threads : {1, 2, 3, 5}) {
          const Threads set(threads);
          Workspace workspace;
          ASSERT_EQ(p.Difference(expected, Forward(layer, p, workspace)), "") << threads << " threads";
        }
      });
    }
  }
}

TEST(Linear, Float32RowsOf16BitsEqualTheDefinitionToo) {
  struct Shape {
    int64_t m, n, k;
  };
  for (const Shape& s : {Shape{1, 1500, 1000}, Shape{3, 900, 700}, Shape{5, 64, 4097}, Shape{40, 200, 300},
                         Shape{700, 9, 520}, Shape{2, 33, 65537}}) {
    const auto seed = static_cast<uint64_t>(s.m + s.n + s.k);
    Problem p(s.m, s.n, s.k, DType::kF32, DType::kF32, s.n % 2 == 0 ? Int8Encoding::kFlipped : Int8Encoding::kSigned,
              true, seed);
    p.activation_bits = 16;
    p.SetX(s.m / 2, s.k / 2, 4000.0F);
    if (s.m > 1) p.SetX(s.m - 1, 0, std::numeric_limits<float>::quiet_NaN());
    for (int64_t k = 0; s.m > 2 && k < s.k; ++k) p.SetX(0, k, std::ldexp(LoadFloat(p.X().Row(0), p.dtype, k), -120));
    const std::vector<std::byte> expected = p.Expected();
    ForEachIsa([&] {
      if (ActiveIsa() == Isa::kRef && s.m * s.n * s.k > 2000000) return;
      const Linear layer(WeightsOf(p), "layer");
      for (int threads : {1, 2, 3, 5}) {
        const Threads set(threads);
        Workspace workspace;
        ASSERT_EQ(p.Difference(expected, Forward(layer, p, workspace)), "") << threads << " threads";
        for (int64_t m = 0; m < std::min<int64_t>(p.m, 4); ++m) {
          std::vector<std::byte> alone = expected;
          const Matrix y = p.Y(alone);
          layer.Forward({p.X().Row(m), p.dtype, 1, p.k, p.x_stride}, {y.Row(m), y.dtype, 1, y.cols, y.stride},
                        workspace, ActivationBits::k16);
          ASSERT_EQ(p.Difference(expected, alone), "") << "row " << m << " alone";
        }
      }
    });
  }
}

TEST(Linear, With16BitsRowsOfFloat32AreTheRowsOfBF16ThatTheyEqual) {
  const Problem bf16(20, 33, 500, DType::kBF16, DType::kF32, Int8Encoding::kSigned, true, 4);
  Problem p = bf16;
  p.dtype = DType::kF32;
  p.activation_bits = 16;
  p.x.resize(static_cast<size_t>(p.m * p.x_stride) * sizeof(float));
  for (int64_t m = 0; m < p.m; ++m) {
    for (int64_t k = 0; k < p.k; ++k) p.SetX(m, k, LoadFloat(bf16.X().Row(m), bf16.dtype, k));
  }
  const Linear layer(WeightsOf(p), "layer");
  Workspace workspace;
  EXPECT_EQ(p.Difference(Forward(layer, bf16, workspace), Forward(layer, p, workspace)), "");
}

TEST(Linear, ActivationBitsAreTheOnesThatExist) {
  EXPECT_EQ(ActivationBitsOf(16), ActivationBits::k16);
  EXPECT_EQ(ActivationBitsOf(24), ActivationBits::k24);
  for (int64_t bits : {0, 8, 32, -16}) {
    EXPECT_THAT(
        [bits] { ActivationBitsOf(bits); },
        ::testing::ThrowsMessage<Error>(AllOf(HasSubstr(std::to_string(bits)), HasSubstr("24"), HasSubstr("16"))));
  }
}

TEST(Linear, ARowDoesNotDependOnItsNeighbours) {
  Problem p(13, 70, 333, DType::kBF16, DType::kBF16, Int8Encoding::kFlipped, true, 3);
  p.SetX(4, 5, 3000.0F);
  p.SetX(6, 1, std::numeric_limits<float>::quiet_NaN());
  for (int64_t k = 0; k < p.k; ++k) p.SetX(8, k, 0.0F);
  ForEachIsa([&] {
    const Linear layer(WeightsOf(p), "layer");
    Workspace workspace;
    const std::vector<std::byte> together = Forward(layer, p, workspace);
    // Kernels differ for one, a few and many rows.
    for (int64_t rows = 1; rows < p.m; ++rows) {
      std::vector<std::byte> apart = p.Blank();
      for (int64_t m = 0; m < p.m; m += rows) {
        const int64_t count = std::min(rows, p.m - m);
        const Matrix y = p.Y(apart);
        layer.Forward({p.X().Row(m), p.dtype, count, p.k, p.x_stride}, {y.Row(m), y.dtype, count, y.cols, y.stride},
                      workspace);
      }
      EXPECT_EQ(p.Difference(together, apart), "") << rows << " rows at a time";
    }
  });
}

TEST(Linear, SeveralLayersTogetherGiveTheBitsOfSeparateCalls) {
  struct Case {
    int64_t m;
    DType dtype;
    int bits;
  };
  for (const auto& [m, dtype, bits] : {Case{1, DType::kF16, 24}, Case{5, DType::kF16, 24}, Case{64, DType::kF16, 24},
                                       Case{1, DType::kF32, 16}, Case{5, DType::kF32, 16}, Case{64, DType::kF32, 24}}) {
    Problem a(m, 100, 257, dtype, dtype, Int8Encoding::kSigned, true, 1);
    Problem b(m, 37, 257, dtype, DType::kF32, Int8Encoding::kFlipped, false, 2);
    Problem c(m, 600, 257, dtype, dtype, Int8Encoding::kSigned, false, 3);
    a.activation_bits = b.activation_bits = c.activation_bits = bits;
    b.x = a.x;
    c.x = a.x;
    ForEachIsa([&] {
      const Linear layer_a(WeightsOf(a), "a");
      const Linear layer_b(WeightsOf(b), "b");
      const Linear layer_c(WeightsOf(c), "c");
      const Linear* const layers[] = {&layer_a, &layer_b, &layer_c};
      for (int threads : {1, 3}) {
        const Threads set(threads);
        Workspace workspace;
        std::vector<std::byte> ya = a.Blank();
        std::vector<std::byte> yb = b.Blank();
        std::vector<std::byte> yc = c.Blank();
        const Matrix results[] = {a.Y(ya), b.Y(yb), c.Y(yc)};
        Linear::ForwardTogether(layers, a.X(), results, workspace, ActivationBitsOf(bits));
        EXPECT_EQ(a.Difference(Forward(layer_a, a, workspace), ya), "");
        EXPECT_EQ(b.Difference(Forward(layer_b, b, workspace), yb), "");
        EXPECT_EQ(c.Difference(Forward(layer_c, c, workspace), yc), "");
      }
    });
  }
}

TEST(Linear, LayersMadeForDifferentInstructionSetsRunTogether) {
  const Problem p(3, 40, 50, DType::kF32, DType::kF32, Int8Encoding::kSigned, true, 1);
  const Isa before = ActiveIsa();
  const Linear best(WeightsOf(p), "best");
  SelectIsa(Isa::kRef);
  const Linear ref(WeightsOf(p), "ref");
  SelectIsa(before);
  EXPECT_STREQ(ref.isa(), "ref");
  const Linear* const layers[] = {&best, &ref};
  std::vector<std::byte> y0 = p.Blank();
  std::vector<std::byte> y1 = p.Blank();
  const Matrix results[] = {p.Y(y0), p.Y(y1)};
  Workspace workspace;
  Linear::ForwardTogether(layers, p.X(), results, workspace);
  EXPECT_EQ(p.Difference(p.Expected(), y0), "");
  EXPECT_EQ(y0, y1);
}

// The largest |y - exact| / (|x| |w|) over all outputs of `p`, exact in float64.
double LargestError(const Problem& p, std::vector<std::byte>& y) {
  double worst = 0;
  for (int64_t m = 0; m < p.m; ++m) {
    for (int64_t n = 0; n < p.n; ++n) {
      double exact = 0;
      double x2 = 0;
      double w2 = 0;
      for (int64_t k = 0; k < p.k; ++k) {
        const double x = LoadFloat(p.X().Row(m), p.dtype, k);
        const double w = static_cast<double>(p.q[static_cast<size_t>(n * p.k + k)]) * p.scales[static_cast<size_t>(n)];
        exact += x * w;
        x2 += x * x;
        w2 += w * w;
      }
      const double error = std::fabs(LoadFloat(p.Y(y).Row(m), p.y_dtype, n) - exact) / std::sqrt(x2 * w2);
      if (error > worst || std::isnan(error)) worst = error;  // a NaN stays
    }
  }
  return worst;
}

TEST(Linear, MatchesFloat64WithinFloat32Accuracy) {
  const Problem p(4, 50, 4096, DType::kF32, DType::kF32, Int8Encoding::kSigned, false, 21);
  const Linear layer(WeightsOf(p), "layer");
  Workspace workspace;
  std::vector<std::byte> y = Forward(layer, p, workspace);
  EXPECT_LE(LargestError(p, y), 1e-5);
}

TEST(Linear, With16BitsFloat32IsOffByTheBoundAtMost) {
  // Half a step of each element, and float32's own rounding.
  Problem p(4, 50, 4096, DType::kF32, DType::kF32, Int8Encoding::kSigned, false, 21);
  p.activation_bits = 16;
  const Linear layer(WeightsOf(p), "layer");
  Workspace workspace;
  std::vector<std::byte> y = Forward(layer, p, workspace);
  const double worst = LargestError(p, y);
  EXPECT_LE(worst, std::sqrt(4096.0) / 65278 + 1e-6);
  EXPECT_GE(worst, 1e-7) << "these would be 24 bits";
}

// Memory that ends where nothing may be read any more.
class GuardedBytes {
 public:
  explicit GuardedBytes(size_t size) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    mapped_ = (size + page - 1) / page * page + page;
    base_ = static_cast<std::byte*>(mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(base_ + mapped_ - page, page, PROT_NONE);
    data_ = base_ + mapped_ - page - size;
  }
  ~GuardedBytes() { munmap(base_, mapped_); }
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;
  std::byte* data() { return data_; }

 private:
  std::byte* base_;
  std::byte* data_;
  size_t mapped_;
};

TEST(Linear, ReadsNothingPastTheLastWeightAndTheLastElementOfX) {
  for (int64_t k : {1, 31, 64, 65, 130, 511, 2050}) {
    for (int64_t n : {1, 5, 50}) {
      for (int64_t m : {1, 2, 20}) {
        for (DType dtype : {DType::kF32, DType::kBF16}) {
          const Problem p(m, n, k, dtype, dtype, n == 5 ? Int8Encoding::kFlipped : Int8Encoding::kSigned, true, 5);
          const auto weight_bytes = static_cast<size_t>((n - 1) * p.w_stride + k);
          const auto x_bytes = static_cast<size_t>((m - 1) * p.x_stride + k) * DTypeSize(dtype);
          const auto y_bytes = static_cast<size_t>((m - 1) * p.y_stride + n) * DTypeSize(dtype);
          GuardedBytes weights(weight_bytes);
          GuardedBytes x(x_bytes);
          GuardedBytes y(y_bytes);
          std::memcpy(weights.data(), p.weights.data(), weight_bytes);
          std::memcpy(x.data(), p.x.data(), x_bytes);
          const std::vector<std::byte> expected = p.Expected();
          ForEachIsa([&] {
            Int8Weights guarded = WeightsOf(p);
            guarded.data = weights.data();
            const Linear layer(guarded, "guarded");
            Workspace workspace;
            layer.Forward({x.data(), dtype, m, k, p.x_stride}, {y.data(), dtype, m, n, p.y_stride}, workspace);
            std::vector<std::byte> actual = p.Blank();
            for (int64_t i = 0; i < m; ++i) {
              std::memcpy(p.Y(actual).Row(i), Matrix{y.data(), dtype, m, n, p.y_stride}.Row(i),
                          static_cast<size_t>(n) * DTypeSize(dtype));
            }
            EXPECT_EQ(p.Difference(expected, actual), "");
          });
        }
      }
    }
  }
}

TEST(Linear, OneWorkspaceServesLayersOfAllSizes) {
  Workspace workspace;
  for (int64_t m : {1, 200, 2, 130, 1}) {
    const Problem p(m, 30, 100 + m, DType::kBF16, DType::kBF16, Int8Encoding::kSigned, true, 6);
    const Linear layer(WeightsOf(p), "layer");
    EXPECT_EQ(p.Difference(p.Expected(), Forward(layer, p, workspace)), "");
  }
}

TEST(Linear, AWarmForwardAllocatesNothing) {
  for (int64_t m : {1, 150}) {
    const Problem p(m, 300, 400, DType::kBF16, DType::kBF16, Int8Encoding::kFlipped, true, 8);
    const Linear layer(WeightsOf(p), "layer");
    Workspace workspace;
    std::vector<std::byte> y = Forward(layer, p, workspace);
    const int64_t before = g_allocations;
    layer.Forward(p.X(), p.Y(y), workspace);
    EXPECT_EQ(g_allocations, before);
  }
}

TEST(Linear, ForwardsRunSideBySide) {
  const Problem p(3, 300, 700, DType::kBF16, DType::kBF16, Int8Encoding::kFlipped, true, 7);
  const std::vector<std::byte> expected = p.Expected();
  const Linear layer(WeightsOf(p), "layer");
  std::string differences[2];
  std::vector<std::thread> threads;
  for (std::string& difference : differences) {
    threads.emplace_back([&] {
      Workspace workspace;
      for (int i = 0; i < 20 && difference.empty(); ++i) {
        difference = p.Difference(expected, Forward(layer, p, workspace));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(differences[0], "");
  EXPECT_EQ(differences[1], "");
}

TEST(Linear, NoRowsIsNoWork) {
  const Problem p(1, 5, 7, DType::kF32, DType::kF32, Int8Encoding::kSigned, true, 1);
  const Linear layer(WeightsOf(p), "layer");
  Workspace workspace;
  layer.Forward({nullptr, DType::kF32, 0, 7, 7}, {nullptr, DType::kF32, 0, 5, 5}, workspace);
}

TEST(Linear, ScalesAndBiasOfAnyFloatTypeAreCopied) {
  Problem p(2, 8, 16, DType::kF32, DType::kF32, Int8Encoding::kSigned, true, 9);
  std::vector<uint16_t> scales(8);
  std::vector<uint16_t> bias(8);
  for (int64_t i = 0; i < p.n; ++i) {
    const auto at = static_cast<size_t>(i);
    StoreFloat(scales.data(), DType::kF16, i, p.scales[at]);
    StoreFloat(bias.data(), DType::kBF16, i, p.bias[at]);
    p.scales[at] = LoadFloat(scales.data(), DType::kF16, i);
    p.bias[at] = LoadFloat(bias.data(), DType::kBF16, i);
  }
  Int8Weights weights = WeightsOf(p);
  weights.scales = scales.data();
  weights.scale_dtype = DType::kF16;
  weights.bias = bias.data();
  weights.bias_dtype = DType::kBF16;
  const Linear layer(weights, "layer");
  scales.assign(8, 0);
  bias.assign(8, 0);
  Workspace workspace;
  EXPECT_EQ(p.Difference(p.Expected(), Forward(layer, p, workspace)), "");
}

TEST(Linear, KeepsTheOwnerOfItsWeights) {
  const Problem p(1, 5, 7, DType::kF32, DType::kF32, Int8Encoding::kSigned, true, 1);
  auto owner = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = owner;
  Int8Weights weights = WeightsOf(p);
  weights.owner = std::move(owner);
  {
    const Linear layer(std::move(weights), "layer");
    EXPECT_FALSE(watch.expired());
  }
  EXPECT_TRUE(watch.expired());
}

TEST(Linear, FloatWeightsGiveFloatResults) {
  Random random(4);
  const int64_t m = 6, n = 37, k = 90;
  for (DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    std::vector<float> w(static_cast<size_t>(n * k)), x(static_cast<size_t>(m * k)), bias(static_cast<size_t>(n));
    std::vector<std::byte> w_stored(w.size() * 4), x_stored(x.size() * 4);
    const auto fill = [&](std::vector<float>& values, std::vector<std::byte>& stored) {
      for (size_t i = 0; i < values.size(); ++i) {
        StoreFloat(stored.data(), dtype, static_cast<int64_t>(i), random.Normal());
        values[i] = LoadFloat(stored.data(), dtype, static_cast<int64_t>(i));
      }
    };
    fill(w, w_stored);
    fill(x, x_stored);
    for (float& b : bias) b = random.Normal();
    ForEachIsa([&] {
      const Linear layer(FloatWeights{{w_stored.data(), dtype, n, k, k}, bias.data(), DType::kF32, nullptr}, "head");
      EXPECT_FALSE(layer.quantized());
      EXPECT_EQ(layer.weight_bytes(), static_cast<size_t>(n * k) * DTypeSize(dtype) + static_cast<size_t>(n) * 4);
      for (int threads : {1, 3}) {
        const Threads set(threads);
        Workspace workspace;
        std::vector<float> y(static_cast<size_t>(m * n));
        layer.Forward({x_stored.data(), dtype, m, k, k}, {y.data(), DType::kF32, m, n, n}, workspace);
        for (int64_t i = 0; i < m * n; ++i) {
          double exact = bias[static_cast<size_t>(i % n)];
          for (int64_t j = 0; j < k; ++j) {
            exact += static_cast<double>(x[static_cast<size_t>(i / n * k + j)]) * w[static_cast<size_t>(i % n * k + j)];
          }
          ASSERT_NEAR(y[static_cast<size_t>(i)], exact, 1e-4);
        }
      }
    });
  }
}

template <class Fn>
std::string MessageOf(Fn fn) {
  try {
    fn();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(LinearErrors, NameTheLayerAndTheRemedy) {
  const Problem p(2, 5, 7, DType::kF32, DType::kF32, Int8Encoding::kSigned, true, 1);
  const auto message = [&](const std::function<void(Int8Weights&)>& spoil) {
    Int8Weights weights = WeightsOf(p);
    spoil(weights);
    return MessageOf([&] { const Linear layer(weights, "block.7.up"); });
  };
  EXPECT_THAT(message([](Int8Weights& w) { w.out_features = 0; }),
              AllOf(HasSubstr("block.7.up"), HasSubstr("at least one")));
  EXPECT_THAT(message([](Int8Weights& w) { w.in_features = -1; }), AllOf(HasSubstr("block.7.up"), HasSubstr("-1")));
  EXPECT_THAT(message([](Int8Weights& w) { w.data = nullptr; }), AllOf(HasSubstr("block.7.up"), HasSubstr("null")));
  EXPECT_THAT(message([](Int8Weights& w) { w.row_stride = 6; }),
              AllOf(HasSubstr("row stride 6"), HasSubstr("in_features 7")));
  EXPECT_THAT(message([](Int8Weights& w) { w.scales = nullptr; }), AllOf(HasSubstr("block.7.up"), HasSubstr("scales")));
  EXPECT_THAT(message([](Int8Weights& w) { w.scale_dtype = DType::kI32; }),
              AllOf(HasSubstr("scales"), HasSubstr("I32"), HasSubstr("BF16")));
  EXPECT_THAT(message([](Int8Weights& w) { w.bias_dtype = DType::kF64; }), AllOf(HasSubstr("bias"), HasSubstr("F64")));
  for (float bad : {0.0F, -1.0F, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> scales(5, 1.0F);
    scales[3] = bad;
    EXPECT_THAT(message([&](Int8Weights& w) { w.scales = scales.data(); }),
                AllOf(HasSubstr("block.7.up"), HasSubstr("output 3"), HasSubstr("quantize")));
  }
}

TEST(LinearErrors, ForwardChecksItsMatrices) {
  const Problem p(2, 5, 7, DType::kBF16, DType::kBF16, Int8Encoding::kSigned, true, 1);
  const Linear layer(WeightsOf(p), "up");
  Workspace workspace;
  std::vector<std::byte> y_bytes = p.Blank();
  const auto message = [&](const std::function<void(ConstMatrix&, Matrix&)>& spoil) {
    ConstMatrix x = p.X();
    Matrix y = p.Y(y_bytes);
    spoil(x, y);
    return MessageOf([&] { layer.Forward(x, y, workspace); });
  };
  EXPECT_EQ(message([](ConstMatrix&, Matrix&) {}), "no error");
  EXPECT_THAT(message([](ConstMatrix& x, Matrix&) { x.cols = 8; }),
              AllOf(HasSubstr("up: x is [2, 8]"), HasSubstr("[rows, 7]")));
  EXPECT_THAT(message([](ConstMatrix&, Matrix& y) { y.cols = 4; }),
              AllOf(HasSubstr("up: y is [2, 4]"), HasSubstr("[rows, 5]")));
  EXPECT_THAT(message([](ConstMatrix&, Matrix& y) { y.rows = 1; }), HasSubstr("x has 2 rows and y has 1"));
  EXPECT_THAT(message([](ConstMatrix& x, Matrix&) { x.dtype = DType::kI8; }),
              AllOf(HasSubstr("x is I8"), HasSubstr("F32")));
  EXPECT_THAT(message([](ConstMatrix&, Matrix& y) { y.dtype = DType::kF16; }),
              AllOf(HasSubstr("y is F16 and x is BF16"), HasSubstr("F32")));
  EXPECT_THAT(message([](ConstMatrix& x, Matrix&) { x.stride = 6; }), HasSubstr("overlap"));
  EXPECT_THAT(message([](ConstMatrix&, Matrix& y) { y.data = nullptr; }), HasSubstr("y is a null pointer"));
  EXPECT_THAT(message([](ConstMatrix& x, Matrix& y) { x.rows = y.rows = -1; }), HasSubstr("[-1, 7]"));
}

TEST(LinearErrors, LayersTogetherMustFit) {
  const Problem p(1, 5, 7, DType::kF32, DType::kF32, Int8Encoding::kSigned, true, 1);
  const Problem wide(1, 5, 9, DType::kF32, DType::kF32, Int8Encoding::kSigned, true, 1);
  const std::vector<float> w(35);
  const Linear a(WeightsOf(p), "a");
  const Linear b(WeightsOf(wide), "b");
  const Linear c(FloatWeights{{w.data(), DType::kF32, 5, 7, 7}, nullptr, DType::kF32, nullptr}, "c");
  Workspace workspace;
  std::vector<std::byte> y = p.Blank();
  const Matrix results[] = {p.Y(y), p.Y(y)};
  const auto message = [&](std::vector<const Linear*> layers) {
    return MessageOf([&] { Linear::ForwardTogether(layers, p.X(), results, workspace); });
  };
  EXPECT_THAT(message({}), HasSubstr("0 layers and 2 results"));
  EXPECT_THAT(message({&a}), HasSubstr("1 layers and 2 results"));
  EXPECT_THAT(message({&a, &b}), HasSubstr("b: x is [1, 7]"));
  EXPECT_THAT(message({&a, &c}), AllOf(HasSubstr("c and a"), HasSubstr("call Forward for each")));
}

TEST(LinearErrors, FloatWeightsAreChecked) {
  const std::vector<float> w(35);
  const auto message = [&](const std::function<void(FloatWeights&)>& spoil) {
    FloatWeights weights{{w.data(), DType::kF32, 5, 7, 7}, nullptr, DType::kF32, nullptr};
    spoil(weights);
    return MessageOf([&] { const Linear layer(weights, "head"); });
  };
  EXPECT_EQ(message([](FloatWeights&) {}), "no error");
  EXPECT_THAT(message([](FloatWeights& f) { f.weights.dtype = DType::kI8; }),
              AllOf(HasSubstr("head"), HasSubstr("I8")));
  EXPECT_THAT(message([](FloatWeights& f) { f.weights.stride = 3; }), HasSubstr("row stride 3"));
  EXPECT_THAT(message([](FloatWeights& f) { f.weights.rows = 0; }), HasSubstr("at least one"));
  EXPECT_THAT(message([](FloatWeights& f) { f.weights.data = nullptr; }), HasSubstr("null"));
}

}  // namespace
}  // namespace w8a16
