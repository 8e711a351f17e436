#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "quant/weight_rows.h"
#include "testing/isas.h"
#include "w8a16/quantize.h"

namespace w8a16 {
namespace {

using ::w8a16::testing::AdversarialRows;
using ::w8a16::testing::ForEachIsa;
using ::w8a16::testing::kFloatDTypes;
using ::w8a16::testing::WeightRows;

TEST(DequantizeRows, IsOneMultiplication) {
  constexpr int64_t kStride = 260;
  constexpr int64_t kOutStride = 257;
  std::vector<uint8_t> bytes(2 * kStride);
  for (int64_t i = 0; i < 2 * kStride; ++i) bytes[static_cast<size_t>(i)] = static_cast<uint8_t>(i * 7);
  const float scales[] = {0.1F, 3.0e-39F};
  for (Int8Encoding encoding : {Int8Encoding::kSigned, Int8Encoding::kFlipped}) {
    std::vector<float> out(2 * kOutStride, -1.0F);
    DequantizeRows(bytes.data(), kStride, encoding, scales, 2, 256, out.data(), kOutStride);
    for (int64_t r = 0; r < 2; ++r) {
      for (int64_t c = 0; c < 256; ++c) {
        const uint8_t byte = bytes[static_cast<size_t>(r * kStride + c)];
        const int q = encoding == Int8Encoding::kFlipped ? byte - 128 : (byte < 128 ? byte : byte - 256);
        ASSERT_EQ(out[static_cast<size_t>(r * kOutStride + c)], static_cast<float>(q) * scales[r])
            << "byte " << int{byte};
      }
      EXPECT_EQ(out[static_cast<size_t>(r * kOutStride + 256)], -1.0F) << "the gap between rows was written";
    }
  }
}

TEST(MeasureQuantization, AgreesWithAPlainSumAndIsTheSameEverywhere) {
  for (DType dtype : kFloatDTypes) {
    for (int64_t cols : {0, 1, 7, 15, 16, 17, 333}) {
      for (Int8Encoding encoding : {Int8Encoding::kSigned, Int8Encoding::kFlipped}) {
        SCOPED_TRACE(::testing::Message() << DTypeName(dtype) << ", " << cols << " columns");
        const WeightRows w = AdversarialRows(dtype, cols);
        std::vector<uint8_t> bytes(static_cast<size_t>(w.rows * cols));
        std::vector<float> scales(static_cast<size_t>(w.rows));
        const QuantizedRowsOut out{bytes.data(), cols, encoding, scales.data(), DType::kF32};
        QuantizeRows(w.View(), out);

        long double squares = 0;
        long double weights2 = 0;
        double max = 0;
        for (int64_t r = 0; r < w.rows; ++r) {
          for (int64_t c = 0; c < cols; ++c) {
            const int byte = bytes[static_cast<size_t>(r * cols + c)];
            const int q = encoding == Int8Encoding::kFlipped ? byte - 128 : (byte < 128 ? byte : byte - 256);
            const double weight = w.Get(r, c);
            const double error = weight - q * static_cast<double>(scales[static_cast<size_t>(r)]);
            max = std::max(max, std::abs(error));
            squares += static_cast<long double>(error) * error;
            weights2 += static_cast<long double>(weight) * weight;
          }
        }
        const QuantizationError here = MeasureQuantization(w.View(), out);
        EXPECT_EQ(here.max_abs, max);
        EXPECT_NEAR(here.sum_squares, static_cast<double>(squares), static_cast<double>(squares) * 1e-12);
        EXPECT_NEAR(here.sum_weights2, static_cast<double>(weights2), static_cast<double>(weights2) * 1e-12);
        EXPECT_EQ(here.count, w.rows * cols);
        ForEachIsa([&] {
          const QuantizationError there = MeasureQuantization(w.View(), out);
          EXPECT_EQ(here.max_abs, there.max_abs);
          EXPECT_EQ(here.sum_squares, there.sum_squares);
          EXPECT_EQ(here.sum_weights2, there.sum_weights2);
        });
      }
    }
  }
}

TEST(QuantizationError, RatiosAndMerge) {
  QuantizationError error{.max_abs = 0.5, .sum_squares = 4, .sum_weights2 = 400, .count = 16};
  EXPECT_DOUBLE_EQ(error.Rms(), 0.5);
  EXPECT_DOUBLE_EQ(error.SqnrDb(), 20);
  error.Merge({.max_abs = 0.25, .sum_squares = 5, .sum_weights2 = 500, .count = 9});
  EXPECT_EQ(error.max_abs, 0.5);
  EXPECT_EQ(error.count, 25);
  EXPECT_DOUBLE_EQ(error.Rms(), 0.6);
  EXPECT_DOUBLE_EQ(error.SqnrDb(), 20);
}

TEST(QuantizationError, NothingLostIsInfinitelyGood) {
  const QuantizationError nothing;
  EXPECT_EQ(nothing.Rms(), 0);
  EXPECT_EQ(nothing.SqnrDb(), std::numeric_limits<double>::infinity());
  const float weights[] = {127, -5, 0, 64};
  const QuantizedMatrix q = Quantize({weights, DType::kF32, 1, 4, 4});
  EXPECT_EQ(q.scales[0], 1);
  QuantizedMatrix copy = q;
  const QuantizationError exact =
      MeasureQuantization({weights, DType::kF32, 1, 4, 4},
                          {copy.weights.data(), 4, Int8Encoding::kSigned, copy.scales.data(), DType::kF32});
  EXPECT_EQ(exact.SqnrDb(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(exact.count, 4);
}

// Uniform rounding errors have variance scale^2 / 12: docs/quantization_explanation.md's figure for Gaussian weights.
TEST(MeasureQuantization, GaussianRowsLoseWhatTheFormulaSays) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 0.02F);
  constexpr int64_t kRows = 64;
  constexpr int64_t kCols = 4096;
  WeightRows w(DType::kF32, kRows, kCols, 0);
  for (int64_t r = 0; r < kRows; ++r) {
    for (int64_t c = 0; c < kCols; ++c) w.Set(r, c, normal(random));
  }
  QuantizedMatrix q = Quantize(w.View());
  const QuantizationError error =
      MeasureQuantization(w.View(), {q.weights.data(), kCols, Int8Encoding::kSigned, q.scales.data(), DType::kF32});
  double expected = 0;
  for (float s : q.scales) expected += static_cast<double>(s) * s / 12 * kCols;
  EXPECT_NEAR(error.sum_squares / expected, 1, 0.01);
  EXPECT_GT(error.SqnrDb(), 40);
  EXPECT_LT(error.SqnrDb(), 42);
}

}  // namespace
}  // namespace w8a16
