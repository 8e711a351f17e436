#include <limits>

#include "kernels/float_testing.h"

namespace w8a16::testing {
namespace {

class FloatAttention : public FloatKernelTest {};
W8A16_INSTANTIATE_FLOAT_TEST(FloatAttention);

constexpr float kInf = std::numeric_limits<float>::infinity();

struct Problem {
  int64_t queries, first_position, head_dim;
  DType kv_dtype = DType::kF32;
  DType out_dtype = DType::kF32;
  float scale = 0.3F, softcap = 0, alibi_slope = 0;
  int64_t window = 0;
  int64_t extra_stride = 0;
  bool key_bias = false;

  int64_t Keys() const { return first_position + queries; }
  int64_t Stride() const { return head_dim + extra_stride; }
  int64_t Elements(int64_t rows) const { return (rows - 1) * Stride() + head_dim; }
};

struct Data {
  explicit Data(const Problem& p, float q_scale = 1)
      : problem(p),
        q(DType::kF32, Gaussian(p.Elements(p.queries), 1, q_scale)),
        keys(p.kv_dtype, Gaussian(p.Elements(p.Keys()), 2)),
        values(p.kv_dtype, Gaussian(p.Elements(p.Keys()), 3)),
        key_bias(DType::kF32, Gaussian(p.Keys(), 4)) {}

  /// Queries [begin, end) in one call.
  void Run(const FloatKernels& kernels, int64_t begin, int64_t end, const Array& out) const {
    const Problem& p = problem;
    const int64_t position = p.first_position + begin;
    const int64_t keys_seen = p.window == 0 ? position + end - begin : p.window + end - begin - 1;
    const Array scratch(DType::kF32, static_cast<int64_t>(AttentionScratch(end - begin, keys_seen)));
    kernels.attention(
        {.q = q.floats() + begin * p.Stride(),
         .q_stride = p.Stride(),
         .queries = end - begin,
         .first_position = position,
         .keys = keys.data(),
         .values = values.data(),
         .kv_dtype = p.kv_dtype,
         .kv_stride = p.Stride(),
         .head_dim = p.head_dim,
         .scale = p.scale,
         .softcap = p.softcap,
         .alibi_slope = p.alibi_slope,
         .key_bias = p.key_bias ? key_bias.floats() : nullptr,
         .window = p.window,
         .out = static_cast<std::byte*>(out.data()) + static_cast<size_t>(begin * p.Stride()) * DTypeSize(p.out_dtype),
         .out_dtype = p.out_dtype,
         .out_stride = p.Stride(),
         .scratch = scratch.floats()});
  }

  /// One query in float64; `spread` is what an error of one in all scores changes in the output, at most.
  std::vector<double> Exact(int64_t query, double& spread, double& largest_dot) const {
    const Problem& p = problem;
    const int64_t position = p.first_position + query;
    const int64_t begin = p.window == 0 ? 0 : std::max<int64_t>(0, position - p.window + 1);
    std::vector<double> scores;
    largest_dot = 0;
    for (int64_t j = begin; j <= position; ++j) {
      double s = 0;
      double magnitude = 0;
      for (int64_t i = 0; i < p.head_dim; ++i) {
        const double product = q.at(query * p.Stride() + i) * keys.at(j * p.Stride() + i);
        s += product;
        magnitude += std::abs(product);
      }
      if (p.key_bias) {
        s += key_bias.at(j);
        magnitude += std::abs(key_bias.at(j));
      }
      largest_dot = std::max(largest_dot, magnitude * std::abs(static_cast<double>(p.scale)));
      s *= static_cast<double>(p.scale);
      const double cap = static_cast<double>(p.softcap);
      if (cap != 0) s = cap * std::tanh(s / cap);
      scores.push_back(s + static_cast<double>(p.alibi_slope) * static_cast<double>(j - position));
    }
    const double largest = *std::max_element(scores.begin(), scores.end());
    double total = 0;
    for (double& s : scores) total += s = std::exp(s - largest);
    std::vector<double> out(static_cast<size_t>(p.head_dim));
    spread = 0;
    for (int64_t i = 0; i < p.head_dim; ++i) {
      for (size_t j = 0; j < scores.size(); ++j) {
        const double v = values.at((begin + static_cast<int64_t>(j)) * p.Stride() + i);
        out[static_cast<size_t>(i)] += scores[j] / total * v;
        spread = std::max(spread, std::abs(v));
      }
    }
    return out;
  }

  Problem problem;
  Array q, keys, values, key_bias;
};

/// A score has a relative error of head_dim/4 + 16 roundings of its largest partial sum, and alibi adds roundings of
/// its largest bias; a weight's relative error is the score's absolute one, and a few roundings more for exp and each
/// addition.
void ExpectExact(const Data& data, const Array& out) {
  const Problem& p = data.problem;
  for (int64_t query = 0; query < p.queries; ++query) {
    double spread = 0;
    double largest_dot = 0;
    const std::vector<double> exact = data.Exact(query, spread, largest_dot);
    const double keys = static_cast<double>(p.first_position + query + 1);
    const double score_error =
        (static_cast<double>(p.head_dim) / 4 + 16) * largest_dot + 4 * static_cast<double>(p.alibi_slope) * keys;
    const double tolerance = 2 * 0x1p-24 * spread * (score_error + keys + 16);
    for (int64_t i = 0; i < p.head_dim; ++i) {
      const double expected = exact[static_cast<size_t>(i)];
      ASSERT_NEAR(out.at(query * p.Stride() + i), expected, tolerance + HalfUlp(p.out_dtype, expected))
          << "query " << query << " element " << i << " of " << p.head_dim << ", " << p.queries << " queries from "
          << p.first_position << ", window " << p.window;
    }
  }
}

void RunAndExpectExact(const FloatKernels& kernels, const Problem& p, float q_scale = 1) {
  const Data data(p, q_scale);
  const Array out(p.out_dtype, p.Elements(p.queries));
  data.Run(kernels, 0, p.queries, out);
  ExpectExact(data, out);
}

TEST_P(FloatAttention, EqualsFloat64) {
  for (DType kv : kFloatTypes) {
    for (DType out : kFloatTypes) {
      for (int64_t i = 0; i < 24; ++i) {
        RunAndExpectExact(kernels(), {.queries = 1 + i % 11,
                                      .first_position = i * 3 % 40,
                                      .head_dim = 1 + i * 7 % 97,
                                      .kv_dtype = kv,
                                      .out_dtype = out,
                                      .extra_stride = i % 4});
      }
    }
    for (int64_t head_dim : {8, 16, 48, 64, 80, 96, 128, 256, 300, 576}) {
      RunAndExpectExact(kernels(),
                        {.queries = 6, .first_position = 5, .head_dim = head_dim, .kv_dtype = kv, .scale = 0.1F});
    }
  }
  RunAndExpectExact(kernels(), {.queries = 70, .first_position = 133, .head_dim = 64, .scale = 0.125F});
  RunAndExpectExact(kernels(), {.queries = 1, .first_position = 1500, .head_dim = 40, .kv_dtype = DType::kBF16});
}

TEST_P(FloatAttention, SoftcapAlibiBiasAndWindow) {
  for (int64_t i = 0; i < 40; ++i) {
    RunAndExpectExact(kernels(), {.queries = 1 + i % 13,
                                  .first_position = i * 5 % 31,
                                  .head_dim = 20,
                                  .softcap = i % 2 == 0 ? 0.0F : 2.0F,
                                  .alibi_slope = i % 3 == 0 ? 0.0F : 0.25F,
                                  .window = i % 4 == 0 ? 0 : 1 + i % 9,
                                  .key_bias = i % 5 == 0});
  }
  RunAndExpectExact(kernels(), {.queries = 20, .first_position = 300, .head_dim = 16, .softcap = 30, .window = 129});
}

TEST_P(FloatAttention, AQueryDoesNotDependOnItsBlock) {
  for (DType kv : kFloatTypes) {
    for (int64_t window : {0, 3, 21}) {
      for (int64_t head_dim : {8, 33, 64, 100}) {
        const Data data({.queries = 45,
                         .first_position = 30,
                         .head_dim = head_dim,
                         .kv_dtype = kv,
                         .alibi_slope = 0.1F,
                         .window = window});
        const Array whole(DType::kF32, 45 * head_dim);
        data.Run(kernels(), 0, 45, whole);
        for (int64_t block : {1, 2, 3, 4, 7, 32}) {
          const Array parts(DType::kF32, 45 * head_dim);
          for (int64_t q = 0; q < 45; q += block) data.Run(kernels(), q, std::min<int64_t>(q + block, 45), parts);
          ASSERT_EQ(parts.bytes(), whole.bytes()) << "block " << block << " window " << window << " head " << head_dim;
        }
      }
    }
  }
}

TEST_P(FloatAttention, LaterKeysHaveNoInfluenceAtAll) {
  const Data data({.queries = 9, .first_position = 4, .head_dim = 24, .kv_dtype = DType::kBF16});
  const Array before(DType::kF32, 9 * 24);
  data.Run(kernels(), 0, 9, before);
  for (int64_t i = 0; i < 24; ++i) {
    StoreFloat(data.keys.data(), DType::kBF16, 10 * 24 + i, std::numeric_limits<float>::quiet_NaN());
    StoreFloat(data.values.data(), DType::kBF16, 10 * 24 + i, kInf);
  }
  const Array after(DType::kF32, 9 * 24);
  data.Run(kernels(), 0, 9, after);
  const size_t seen = 6 * 24 * sizeof(float);
  EXPECT_EQ(after.bytes().substr(0, seen), before.bytes().substr(0, seen));
  for (int64_t i = 6 * 24; i < 9 * 24; ++i) EXPECT_TRUE(std::isnan(after[i])) << i;
}

TEST_P(FloatAttention, KeysOutsideTheWindowHaveNoInfluenceAtAll) {
  const Data data({.queries = 9, .first_position = 4, .head_dim = 24, .window = 3});
  const Array before(DType::kF32, 9 * 24);
  data.Run(kernels(), 0, 9, before);
  for (int64_t i = 0; i < 24; ++i) data.keys.floats()[5 * 24 + i] = data.values.floats()[5 * 24 + i] = kInf;
  const Array after(DType::kF32, 9 * 24);
  data.Run(kernels(), 0, 9, after);
  // Positions 5, 6 and 7 see key 5: queries 1, 2 and 3.
  for (int64_t q = 0; q < 9; ++q) {
    const size_t row = static_cast<size_t>(q) * 24 * sizeof(float);
    EXPECT_EQ(after.bytes().substr(row, 96) == before.bytes().substr(row, 96), q == 0 || q > 3) << q;
  }
}

TEST_P(FloatAttention, VeryLargeScoresChooseOneKey) {
  RunAndExpectExact(kernels(), {.queries = 5, .first_position = 20, .head_dim = 16, .scale = 1}, 1e-3F);
  // Scores far beyond exp's range: all weight on the largest.
  const Data data({.queries = 3, .first_position = 17, .head_dim = 16}, 1e30F);
  const Array out(DType::kF32, 3 * 16);
  data.Run(kernels(), 0, 3, out);
  for (int64_t q = 0; q < 3; ++q) {
    double spread = 0;
    double largest_dot = 0;
    const std::vector<double> exact = data.Exact(q, spread, largest_dot);
    for (int64_t i = 0; i < 16; ++i) EXPECT_EQ(out[q * 16 + i], static_cast<float>(exact[static_cast<size_t>(i)]));
  }
}

TEST_P(FloatAttention, EqualScoresGiveTheMean) {
  const Data data({.queries = 1, .first_position = 63, .head_dim = 10}, 0);
  const Array out(DType::kF32, 10);
  data.Run(kernels(), 0, 1, out);
  ExpectExact(data, out);
}

TEST_P(FloatAttention, ANanInTheQueryGivesNans) {
  const Data data({.queries = 2, .first_position = 9, .head_dim = 10});
  data.q.floats()[3] = std::numeric_limits<float>::quiet_NaN();
  const Array out(DType::kF32, 20);
  data.Run(kernels(), 0, 2, out);
  for (int64_t i = 0; i < 20; ++i) EXPECT_EQ(std::isnan(out[i]), i < 10) << i;
}

}  // namespace
}  // namespace w8a16::testing
