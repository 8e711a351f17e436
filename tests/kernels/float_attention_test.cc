#include <limits>

#include "kernels/attention_testing.h"

namespace w8a16::testing {
namespace {

class FloatAttention : public FloatKernelTest {};
W8A16_INSTANTIATE_FLOAT_TEST(FloatAttention);

constexpr float kInf = std::numeric_limits<float>::infinity();

void RunAndExpectExact(const FloatKernels& kernels, const AttentionProblem& p, float q_scale = 1) {
  const AttentionData data(p, q_scale);
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
        const AttentionData data({.queries = 45,
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
  const AttentionData data({.queries = 9, .first_position = 4, .head_dim = 24, .kv_dtype = DType::kBF16});
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
  const AttentionData data({.queries = 9, .first_position = 4, .head_dim = 24, .window = 3});
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
  const AttentionData data({.queries = 3, .first_position = 17, .head_dim = 16}, 1e30F);
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
  const AttentionData data({.queries = 1, .first_position = 63, .head_dim = 10}, 0);
  const Array out(DType::kF32, 10);
  data.Run(kernels(), 0, 1, out);
  ExpectExact(data, out);
}

TEST_P(FloatAttention, ANanInTheQueryGivesNans) {
  const AttentionData data({.queries = 2, .first_position = 9, .head_dim = 10});
  data.q.floats()[3] = std::numeric_limits<float>::quiet_NaN();
  const Array out(DType::kF32, 20);
  data.Run(kernels(), 0, 2, out);
  for (int64_t i = 0; i < 20; ++i) EXPECT_EQ(std::isnan(out[i]), i < 10) << i;
}

}  // namespace
}  // namespace w8a16::testing
