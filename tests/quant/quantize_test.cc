#include "w8a16/quantize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <optional>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "quant/weight_rows.h"
#include "testing/float_reference.h"
#include "testing/isas.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

using ::testing::HasSubstr;
using ::w8a16::testing::AdversarialRows;
using ::w8a16::testing::DecodeSmallFloat;
using ::w8a16::testing::ForEachIsa;
using ::w8a16::testing::FormatOf;
using ::w8a16::testing::kFloatDTypes;
using ::w8a16::testing::RoundHalfToEven;
using ::w8a16::testing::RoundToSmallFloat;
using ::w8a16::testing::SmallestNormal;
using ::w8a16::testing::SmallestPositive;
using ::w8a16::testing::WeightRows;

constexpr int64_t kColumns[] = {0, 1, 2, 3, 5, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 129, 1000};
constexpr Int8Encoding kEncodings[] = {Int8Encoding::kSigned, Int8Encoding::kFlipped};
constexpr uint8_t kUntouched = 0xAB;

// The definition, number by number. Nothing where the scale is infinite in its dtype.
std::optional<float> DefinedScale(const WeightRows& w, int64_t r, DType scale_dtype) {
  float max = 0;
  for (int64_t c = 0; c < w.cols; ++c) max = std::max(max, std::abs(w.Get(r, c)));
  if (max == 0) return 1.0F;
  const float scale = max / 127.0F;
  float stored = scale;
  if (scale_dtype != DType::kF32) {
    const uint16_t bits = RoundToSmallFloat(scale, scale_dtype);
    if (bits == FormatOf(scale_dtype).InfinityBits()) return std::nullopt;
    stored = static_cast<float>(DecodeSmallFloat(bits, scale_dtype));
  }
  if (stored >= SmallestNormal(scale_dtype)) return stored;
  // Rounded up instead: numbers below the smallest normal one are the multiples of the smallest positive one.
  const double step = SmallestPositive(scale_dtype);
  return static_cast<float>(std::ceil(static_cast<double>(max) / 127.0 / step) * step);
}

int DefinedWeight(float w, float scale) {
  const float quotient = w / scale;
  return static_cast<int>(std::fmin(127.0, std::fmax(-127.0, RoundHalfToEven(quotient))));
}

struct Quantized {
  std::vector<uint8_t> bytes;
  std::vector<std::byte> scale_bytes;
  QuantizedRowsOut out;

  Quantized(const WeightRows& w, DType scale_dtype, Int8Encoding encoding)
      : bytes(static_cast<size_t>(w.rows * (w.cols + 5)), kUntouched),
        scale_bytes(static_cast<size_t>(w.rows) * DTypeSize(scale_dtype)),
        out{bytes.data(), w.cols + 5, encoding, scale_bytes.data(), scale_dtype} {}
  int Weight(int64_t r, int64_t c) const {
    const uint8_t byte = bytes[static_cast<size_t>(r * out.row_stride + c)];
    return out.encoding == Int8Encoding::kSigned ? static_cast<int8_t>(byte) : static_cast<int>(byte) - 128;
  }
  float Scale(int64_t r) const { return LoadFloat(out.scales, out.scale_dtype, r); }
};

void CheckRow(const WeightRows& w, const Quantized& q, int64_t r, float scale) {
  ASSERT_EQ(q.Scale(r), scale);
  double max = 0;
  const double s = scale;
  for (int64_t c = 0; c < w.cols; ++c) {
    ASSERT_EQ(q.Weight(r, c), DefinedWeight(w.Get(r, c), scale)) << "column " << c << ", weight " << w.Get(r, c);
    // Half a step, and the rounding of the division.
    ASSERT_LE(std::abs(w.Get(r, c) - q.Weight(r, c) * s), s * (0.5 + 0x1p-17)) << "weight " << w.Get(r, c);
    max = std::max(max, std::abs(static_cast<double>(w.Get(r, c))));
  }
  if (scale < SmallestNormal(q.out.scale_dtype)) {
    ASSERT_GE(127 * s, max) << "a subnormal scale may not clip";
  }
}

TEST(QuantizeRows, IsTheDefinitionEverywhere) {
  for (DType dtype : kFloatDTypes) {
    for (int64_t cols : kColumns) {
      const WeightRows all = AdversarialRows(dtype, cols);
      for (DType scale_dtype : kFloatDTypes) {
        // Rows whose scale the dtype cannot hold are a test of their own.
        std::vector<float> scales;
        WeightRows w = all;
        for (int64_t r = 0; r < w.rows; ++r) {
          if (!DefinedScale(w, r, scale_dtype).has_value()) {
            for (int64_t c = 0; c < cols; ++c) w.Set(r, c, 0);
          }
          scales.push_back(*DefinedScale(w, r, scale_dtype));
        }
        for (Int8Encoding encoding : kEncodings) {
          ForEachIsa([&] {
            SCOPED_TRACE(::testing::Message()
                         << DTypeName(dtype) << " weights, " << DTypeName(scale_dtype) << " scales, " << cols
                         << " columns, encoding " << static_cast<int>(encoding));
            Quantized q(w, scale_dtype, encoding);
            QuantizeRows(w.View(), q.out);
            for (int64_t r = 0; r < w.rows; ++r) {
              SCOPED_TRACE(::testing::Message() << "row " << r);
              ASSERT_NO_FATAL_FAILURE(CheckRow(w, q, r, scales[static_cast<size_t>(r)]));
              for (int64_t c = cols; c < q.out.row_stride; ++c) {
                ASSERT_EQ(q.bytes[static_cast<size_t>(r * q.out.row_stride + c)], kUntouched);
              }
            }
          });
        }
      }
    }
  }
}

TEST(QuantizeRows, EveryBitPatternOf16Bits) {
  for (DType dtype : {DType::kF16, DType::kBF16}) {
    const int infinity = FormatOf(dtype).InfinityBits();
    WeightRows w(dtype, 2, infinity, 0);
    for (int bits = 0; bits < infinity; ++bits) {
      w.Set(0, bits, static_cast<float>(DecodeSmallFloat(static_cast<uint16_t>(bits), dtype)));
      w.Set(1, bits, -w.Get(0, bits));
    }
    const float scale = *DefinedScale(w, 0, DType::kBF16);
    ForEachIsa([&] {
      Quantized q(w, DType::kBF16, Int8Encoding::kSigned);
      QuantizeRows(w.View(), q.out);
      ASSERT_NO_FATAL_FAILURE(CheckRow(w, q, 0, scale));
      ASSERT_NO_FATAL_FAILURE(CheckRow(w, q, 1, scale));
    });
  }
}

TEST(QuantizeRows, NegatedWeightsGiveNegatedIntegers) {
  for (DType dtype : kFloatDTypes) {
    const WeightRows w = AdversarialRows(dtype, 333);
    WeightRows negated = w;
    for (int64_t r = 0; r < w.rows; ++r) {
      for (int64_t c = 0; c < w.cols; ++c) negated.Set(r, c, -w.Get(r, c));
    }
    ForEachIsa([&] {
      Quantized q(w, DType::kF32, Int8Encoding::kSigned);
      Quantized n(negated, DType::kF32, Int8Encoding::kFlipped);
      QuantizeRows(w.View(), q.out);
      QuantizeRows(negated.View(), n.out);
      EXPECT_EQ(q.scale_bytes, n.scale_bytes);
      for (int64_t r = 0; r < w.rows; ++r) {
        for (int64_t c = 0; c < w.cols; ++c) ASSERT_EQ(q.Weight(r, c), -n.Weight(r, c));
      }
    });
  }
}

int64_t UlpDistance(float a, float b) {
  return std::abs(static_cast<int64_t>(std::bit_cast<int32_t>(a)) - static_cast<int64_t>(std::bit_cast<int32_t>(b)));
}

bool AllZero(const WeightRows& w, int64_t r) {
  for (int64_t c = 0; c < w.cols; ++c) {
    if (w.Get(r, c) != 0) return false;
  }
  return true;
}

void CheckStable(const WeightRows& w, const Quantized& first, DType second_dtype) {
  WeightRows restored(DType::kF32, w.rows, w.cols);
  std::vector<float> scales;
  for (int64_t r = 0; r < w.rows; ++r) scales.push_back(first.Scale(r));
  DequantizeRows(first.out.weights, first.out.row_stride, first.out.encoding, scales.data(), w.rows, w.cols,
                 reinterpret_cast<float*>(restored.bytes.data()), restored.stride);
  for (int64_t r = 0; r < w.rows; ++r) {
    if (std::isfinite(127 * scales[static_cast<size_t>(r)])) continue;  // the largest numbers dequantize to infinity
    for (int64_t c = 0; c < w.cols; ++c) restored.Set(r, c, 0);
  }
  Quantized second(restored, second_dtype, first.out.encoding);
  QuantizeRows(restored.View(), second.out);
  for (int64_t r = 0; r < w.rows; ++r) {
    SCOPED_TRACE(::testing::Message() << "row " << r << ", scale " << first.Scale(r));
    if (!std::isfinite(127 * scales[static_cast<size_t>(r)])) continue;
    const bool normal = first.Scale(r) >= SmallestNormal(first.out.scale_dtype);
    if (AllZero(restored, r)) {
      // Every weight was below half the smallest scale there is.
      ASSERT_TRUE(AllZero(w, r) || first.Scale(r) == SmallestPositive(first.out.scale_dtype));
      ASSERT_EQ(second.Scale(r), 1);
    } else if (second_dtype == DType::kF32 && normal) {
      ASSERT_LE(UlpDistance(first.Scale(r), second.Scale(r)), 1);
    } else if (second_dtype == first.out.scale_dtype) {
      // Below the normal numbers one step of the dtype; above them 127 scale is exact and gives the scale back.
      ASSERT_LE(first.Scale(r) - second.Scale(r), normal ? 0 : SmallestPositive(second_dtype));
      ASSERT_GE(first.Scale(r), second.Scale(r));
    } else {
      continue;  // float32 scales find more in rows that a subnormal scale left coarse
    }
    if (!normal && first.Scale(r) != second.Scale(r)) continue;
    for (int64_t c = 0; c < w.cols; ++c) ASSERT_EQ(first.Weight(r, c), second.Weight(r, c)) << "column " << c;
  }
}

TEST(QuantizeRows, QuantizingTheDequantizationChangesNothing) {
  for (DType dtype : kFloatDTypes) {
    for (DType scale_dtype : kFloatDTypes) {
      WeightRows w = AdversarialRows(dtype, 257);
      for (int64_t r = 0; r < w.rows; ++r) {
        if (DefinedScale(w, r, scale_dtype).has_value()) continue;
        for (int64_t c = 0; c < w.cols; ++c) w.Set(r, c, 0);
      }
      ForEachIsa([&] {
        SCOPED_TRACE(::testing::Message() << DTypeName(dtype) << " weights, " << DTypeName(scale_dtype) << " scales");
        Quantized q(w, scale_dtype, Int8Encoding::kFlipped);
        QuantizeRows(w.View(), q.out);
        ASSERT_NO_FATAL_FAILURE(CheckStable(w, q, scale_dtype));
        ASSERT_NO_FATAL_FAILURE(CheckStable(w, q, DType::kF32));
      });
    }
  }
}

TEST(QuantizeRows, DataNeedsNoAlignment) {
  for (DType dtype : kFloatDTypes) {
    const WeightRows w = AdversarialRows(dtype, 77);
    std::vector<std::byte> shifted(w.bytes.size() + 1);
    std::copy(w.bytes.begin(), w.bytes.end(), shifted.begin() + 1);
    ConstMatrix view = w.View();
    view.data = shifted.data() + 1;
    ForEachIsa([&] {
      Quantized aligned(w, DType::kF32, Int8Encoding::kSigned);
      Quantized unaligned(w, DType::kF32, Int8Encoding::kSigned);
      QuantizeRows(w.View(), aligned.out);
      QuantizeRows(view, unaligned.out);
      EXPECT_EQ(aligned.bytes, unaligned.bytes);
      EXPECT_EQ(aligned.scale_bytes, unaligned.scale_bytes);
    });
  }
}

#if defined(__x86_64__)
TEST(QuantizeRows, TheCallersFlushToZeroChangesNothing) {
  const WeightRows w = AdversarialRows(DType::kF32, 100);
  ForEachIsa([&] {
    Quantized usual(w, DType::kF32, Int8Encoding::kSigned);
    Quantized flushed(w, DType::kF32, Int8Encoding::kSigned);
    QuantizeRows(w.View(), usual.out);
    const unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040);  // flush to zero, denormals are zero
    QuantizeRows(w.View(), flushed.out);
    const unsigned after = _mm_getcsr();
    _mm_setcsr(before);
    EXPECT_EQ(after & 0x8040, 0x8040U);
    EXPECT_EQ(usual.bytes, flushed.bytes);
    EXPECT_EQ(usual.scale_bytes, flushed.scale_bytes);
  });
}
#endif

std::string ErrorOf(const WeightRows& w, QuantizedRowsOut out, int64_t first_row = 0) {
  try {
    QuantizeRows(w.View(), out, "layers.3.up_proj.weight", first_row);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(QuantizeRows, NamesTheWeightThatIsNotFinite) {
  for (DType dtype : kFloatDTypes) {
    for (float bad : {std::nanf(""), -std::nanf(""), HUGE_VALF, -HUGE_VALF}) {
      for (int64_t column : {int64_t{0}, int64_t{31}, int64_t{64}, int64_t{70}}) {
        WeightRows w(dtype, 4, 71);
        w.Set(2, column, bad);
        w.Set(3, 1, bad);
        ForEachIsa([&] {
          Quantized q(w, DType::kF32, Int8Encoding::kSigned);
          const std::string message = ErrorOf(w, q.out, 10);
          EXPECT_THAT(message, HasSubstr("layers.3.up_proj.weight: the weight in row 12, column " +
                                         std::to_string(column) + (std::isnan(bad) ? " is NaN" : " is infinite")));
          EXPECT_THAT(message, HasSubstr("leave this layer out"));
        });
      }
    }
  }
}

TEST(QuantizeRows, SignallingNaNsAreSeenToo) {
  WeightRows w(DType::kF32, 1, 9);
  const uint32_t signalling = 0x7F800001;
  std::memcpy(w.bytes.data() + 4 * sizeof(float), &signalling, sizeof(signalling));
  Quantized q(w, DType::kF32, Int8Encoding::kSigned);
  EXPECT_THAT(ErrorOf(w, q.out), HasSubstr("row 0, column 4 is NaN"));
}

TEST(QuantizeRows, AScaleThatFloat16CannotHoldIsAnError) {
  // 65520 is where float16 rounds to infinity.
  WeightRows w(DType::kF32, 2, 3);
  w.Set(1, 2, 65519.0F * 127);
  Quantized q(w, DType::kF16, Int8Encoding::kSigned);
  EXPECT_EQ(ErrorOf(w, q.out), "no error");
  EXPECT_EQ(q.Scale(1), 65504);
  EXPECT_EQ(q.Weight(1, 2), 127);
  w.Set(1, 2, -65520.0F * 127);
  EXPECT_THAT(ErrorOf(w, q.out, 5), HasSubstr("layers.3.up_proj.weight: the scale of row 6"));
  EXPECT_THAT(ErrorOf(w, q.out, 5), HasSubstr("too large for F16; store the scales as F32 or BF16"));
}

TEST(QuantizeRows, RefusesWhatDoesNotFit) {
  WeightRows w(DType::kF32, 2, 3);
  Quantized q(w, DType::kF32, Int8Encoding::kSigned);
  QuantizedRowsOut out = q.out;
  out.scale_dtype = DType::kI32;
  EXPECT_THAT(ErrorOf(w, out), HasSubstr("scales of dtype I32 cannot be quantized; use F32, F16 or BF16"));
  out = q.out;
  out.row_stride = 2;
  EXPECT_THAT(ErrorOf(w, out), HasSubstr("rows of 3 weights overlap"));
  w.dtype = DType::kF64;
  EXPECT_THAT(ErrorOf(w, q.out), HasSubstr("weights of dtype F64 cannot be quantized"));
  w.dtype = DType::kF32;
  w.cols = -1;
  EXPECT_THAT(ErrorOf(w, q.out), HasSubstr("negative"));
}

TEST(QuantizeRows, NoRowsWriteNothing) {
  QuantizeRows({nullptr, DType::kBF16, 0, 12, 12}, {nullptr, 12, Int8Encoding::kSigned, nullptr, DType::kBF16});
}

TEST(Quantize, IsQuantizeRowsWithMemoryOfItsOwn) {
  const WeightRows w = AdversarialRows(DType::kBF16, 4099);
  for (DType scale_dtype : {DType::kF32, DType::kBF16}) {
    const QuantizedMatrix m = Quantize(w.View(), scale_dtype);
    Quantized q(w, scale_dtype, Int8Encoding::kSigned);
    QuantizeRows(w.View(), q.out);
    ASSERT_EQ(m.rows, w.rows);
    ASSERT_EQ(m.cols, w.cols);
    for (int64_t r = 0; r < w.rows; ++r) {
      ASSERT_EQ(m.scales[static_cast<size_t>(r)], q.Scale(r));
      for (int64_t c = 0; c < w.cols; ++c) ASSERT_EQ(m.weights[static_cast<size_t>(r * w.cols + c)], q.Weight(r, c));
    }
  }
}

TEST(Quantize, ErrorsComeOutOfTheThreads) {
  WeightRows w(DType::kF32, 600, 1000);
  w.Set(599, 7, NAN);
  try {
    Quantize(w.View(), DType::kF32, "head");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("head: the weight in row 599, column 7 is NaN"));
  }
}

}  // namespace
}  // namespace w8a16
