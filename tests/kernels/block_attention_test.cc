#include "kernels/block_attention.h"

#include <limits>

#include "base/aligned_buffer.h"
#include "kernels/amx_emulation.h"
#include "kernels/attention_testing.h"

namespace w8a16::testing {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
// Operands are rounded at 2^-18 instead of 2^-24.
constexpr double kRoundings = 64;

enum class Product : uint8_t { kAvx512, kAmx, kEmulatedAmx };

Bf16ProductFn ProductHere(Product product) {
  const bool avx512 = WhyUnavailable(Isa::kAvx512Vnni).empty() && HasAvx512Bf16();
  switch (product) {
    case Product::kAvx512:
      return avx512 ? Avx512Bf16Product() : nullptr;
    case Product::kAmx:
      return avx512 && HasAmxBf16() ? AmxBf16Product() : nullptr;
    default:
      return avx512 ? EmulatedAmxBf16Product() : nullptr;
  }
}

class BlockAttentionTest : public ::testing::TestWithParam<Product> {
 protected:
  void SetUp() override {
    product_ = ProductHere(GetParam());
    if (product_ == nullptr) GTEST_SKIP() << "this processor has no such products of bf16 numbers";
  }

  // Queries [begin, end) with the keys that they see packed for them.
  void Run(const AttentionData& data, int64_t begin, int64_t end, const Array& out) const {
    const AttentionArgs args = data.Args(begin, end, out);
    AlignedBuffer memory;
    Attend(args, Pack(args, memory));
  }

  PackedKeys Pack(const AttentionArgs& args, AlignedBuffer& memory) const {
    PackedKeys packed = {.begin = FirstPackedKey(args.first_position, args.window),
                         .end = args.first_position + args.queries,
                         .data = nullptr,
                         .finite = false};
    packed.data = memory.Reserve(PackedKeysBytes(packed.end - packed.begin, args.head_dim));
    kernels_->pack(args.keys, args.values, args.kv_stride, args.head_dim, packed);
    return packed;
  }

  void Attend(AttentionArgs args, const PackedKeys& packed) const {
    const AlignedBuffer scratch(BlockAttentionScratch(packed.end - packed.begin, args.head_dim));
    args.scratch = reinterpret_cast<float*>(scratch.data());
    kernels_->attend(product_, args, packed);
  }

  void RunAndExpectExact(const AttentionProblem& p, float q_scale = 1) const {
    const AttentionData data(p, q_scale);
    const Array out(p.out_dtype, p.Elements(p.queries));
    Run(data, 0, p.queries, out);
    ExpectExact(data, out, kRoundings);
  }

  const BlockAttention* kernels_ = BlockAttentionFor(Isa::kAvx512Vnni);
  Bf16ProductFn product_ = nullptr;
};

std::string NameOf(const ::testing::TestParamInfo<Product>& product) {
  constexpr const char* kNames[] = {"avx512", "amx", "amx_emulated"};
  return kNames[static_cast<size_t>(product.param)];
}

INSTANTIATE_TEST_SUITE_P(Products, BlockAttentionTest,
                         ::testing::Values(Product::kAvx512, Product::kAmx, Product::kEmulatedAmx), NameOf);

TEST_P(BlockAttentionTest, EqualsFloat64) {
  for (DType out : kFloatTypes) {
    for (int64_t i = 0; i < 24; ++i) {
      RunAndExpectExact({.queries = 1 + i * 5 % 37,
                         .first_position = i * 3 % 40,
                         .head_dim = 1 + i * 7 % 97,
                         .kv_dtype = DType::kBF16,
                         .out_dtype = out,
                         .extra_stride = i % 4});
    }
  }
  for (int64_t head_dim : {8, 16, 31, 32, 33, 48, 64, 80, 96, 128, 256, 300}) {
    RunAndExpectExact(
        {.queries = 18, .first_position = 5, .head_dim = head_dim, .kv_dtype = DType::kBF16, .scale = 0.1F});
  }
  RunAndExpectExact({.queries = 100, .first_position = 133, .head_dim = 64, .kv_dtype = DType::kBF16, .scale = 0.125F});
}

TEST_P(BlockAttentionTest, SoftcapAlibiBiasAndWindow) {
  for (int64_t i = 0; i < 40; ++i) {
    RunAndExpectExact({.queries = 1 + i % 35,
                       .first_position = i * 5 % 71,
                       .head_dim = 20,
                       .kv_dtype = DType::kBF16,
                       .softcap = i % 2 == 0 ? 0.0F : 2.0F,
                       .alibi_slope = i % 3 == 0 ? 0.0F : 0.25F,
                       .window = i % 4 == 0 ? 0 : 1 + i % 9,
                       .key_bias = i % 5 == 0});
  }
  RunAndExpectExact(
      {.queries = 70, .first_position = 300, .head_dim = 16, .kv_dtype = DType::kBF16, .softcap = 30, .window = 129});
}

TEST_P(BlockAttentionTest, AQueryDoesNotDependOnItsBlock) {
  for (int64_t window : {0, 3, 21, 50}) {
    for (int64_t head_dim : {8, 33, 64}) {
      const AttentionData data({.queries = 75,
                                .first_position = 30,
                                .head_dim = head_dim,
                                .kv_dtype = DType::kBF16,
                                .alibi_slope = 0.1F,
                                .window = window});
      const Array whole(DType::kF32, 75 * head_dim);
      Run(data, 0, 75, whole);
      for (int64_t block : {1, 2, 7, 32, 50}) {
        const Array parts(DType::kF32, 75 * head_dim);
        for (int64_t q = 0; q < 75; q += block) Run(data, q, std::min<int64_t>(q + block, 75), parts);
        ASSERT_EQ(parts.bytes(), whole.bytes()) << "block " << block << " window " << window << " head " << head_dim;
      }
    }
  }
}

TEST_P(BlockAttentionTest, PackedKeysServeAnyQueriesThatSeeNoOthers) {
  const AttentionData data(
      {.queries = 90, .first_position = 40, .head_dim = 24, .kv_dtype = DType::kBF16, .window = 9});
  const Array whole(DType::kF32, 90 * 24);
  Run(data, 0, 90, whole);
  const Array parts(DType::kF32, 90 * 24);
  AlignedBuffer memory;
  const PackedKeys packed = Pack(data.Args(0, 90, parts), memory);
  for (int64_t q = 0; q < 90; q += 11) Attend(data.Args(q, std::min<int64_t>(q + 11, 90), parts), packed);
  EXPECT_EQ(parts.bytes(), whole.bytes());
}

// Both in the tiles of the keys that are seen and in tiles of their own.
TEST_P(BlockAttentionTest, LaterKeysHaveNoInfluenceAtAll) {
  for (int64_t key : {10, 11, 37}) {
    const AttentionData data({.queries = 45, .first_position = 4, .head_dim = 24, .kv_dtype = DType::kBF16});
    const Array before(DType::kF32, 45 * 24);
    Run(data, 0, 45, before);
    StoreFloat(data.keys.data(), DType::kBF16, key * 24 + 3, std::numeric_limits<float>::quiet_NaN());
    StoreFloat(data.values.data(), DType::kBF16, key * 24 + 5, kInf);
    const Array after(DType::kF32, 45 * 24);
    Run(data, 0, 45, after);
    const auto unseen = static_cast<size_t>(key - 4) * 24;
    EXPECT_EQ(after.bytes().substr(0, unseen * sizeof(float)), before.bytes().substr(0, unseen * sizeof(float)));
    for (int64_t i = static_cast<int64_t>(unseen); i < 45 * 24; ++i) EXPECT_TRUE(std::isnan(after[i])) << i;
  }
}

TEST_P(BlockAttentionTest, ValuesThatAreNotFiniteAreWeightedLikeOthers) {
  const AttentionData data({.queries = 40, .first_position = 3, .head_dim = 20, .kv_dtype = DType::kBF16, .window = 6});
  const Array before(DType::kF32, 40 * 20);
  Run(data, 0, 40, before);
  StoreFloat(data.values.data(), DType::kBF16, 17 * 20 + 5, -kInf);
  const Array after(DType::kF32, 40 * 20);
  Run(data, 0, 40, after);
  for (int64_t q = 0; q < 40; ++q) {
    const int64_t position = 3 + q;
    const bool sees = position >= 17 && position < 17 + 6;
    for (int64_t i = 0; i < 20; ++i) {
      const float expected = before[q * 20 + i];
      if (!sees) {
        EXPECT_EQ(after[q * 20 + i], expected) << q << " " << i;
      } else if (i == 5) {
        EXPECT_EQ(after[q * 20 + i], -kInf) << q;
      } else {
        EXPECT_NEAR(after[q * 20 + i], expected, 1e-5) << q << " " << i;
      }
    }
  }
}

TEST_P(BlockAttentionTest, ANanInAQueryGivesNansThereAlone) {
  const AttentionData data({.queries = 20, .first_position = 9, .head_dim = 10, .kv_dtype = DType::kBF16});
  data.q.floats()[7 * 10 + 3] = std::numeric_limits<float>::quiet_NaN();
  const Array out(DType::kF32, 200);
  Run(data, 0, 20, out);
  for (int64_t i = 0; i < 200; ++i) EXPECT_EQ(std::isnan(out[i]), i / 10 == 7) << i;
}

}  // namespace
}  // namespace w8a16::testing
