#include "w8a16/dtype.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "testing/float_reference.h"
#include "w8a16/error.h"
#include "w8a16/tensor.h"

namespace w8a16 {
namespace {

using ::testing::HasSubstr;
using ::w8a16::testing::DecodeSmallFloat;
using ::w8a16::testing::FormatOf;
using ::w8a16::testing::RoundToSmallFloat;

constexpr DType kSmall[] = {DType::kF16, DType::kBF16};

float ToFloat(uint16_t bits, DType dtype) { return dtype == DType::kF16 ? F16ToFloat(bits) : BF16ToFloat(bits); }
uint16_t FromFloat(float value, DType dtype) { return dtype == DType::kF16 ? FloatToF16(value) : FloatToBF16(value); }

uint16_t QuietNan(DType dtype) { return dtype == DType::kF16 ? 0x7E00 : 0x7FC0; }

TEST(DTypeConversion, EveryPatternIsExactAndComesBack) {
  for (DType dtype : kSmall) {
    for (int i = 0; i <= 0xFFFF; ++i) {
      const auto bits = static_cast<uint16_t>(i);
      const float value = ToFloat(bits, dtype);
      const double expected = DecodeSmallFloat(bits, dtype);
      if (std::isnan(expected)) {
        ASSERT_TRUE(std::isnan(value)) << DTypeName(dtype) << " " << i;
        ASSERT_EQ(FromFloat(value, dtype), QuietNan(dtype)) << DTypeName(dtype) << " " << i;
        continue;
      }
      ASSERT_EQ(static_cast<double>(value), expected) << DTypeName(dtype) << " " << i;
      ASSERT_EQ(std::signbit(value), std::signbit(expected)) << DTypeName(dtype) << " " << i;
      ASSERT_EQ(FromFloat(value, dtype), bits) << DTypeName(dtype) << " " << i;
    }
  }
}

void ExpectRounding(float value, DType dtype) {
  ASSERT_EQ(FromFloat(value, dtype), RoundToSmallFloat(value, dtype)) << DTypeName(dtype) << " of " << value;
}

// The numbers halfway between neighbours, and the float32 numbers beside those, over the whole range: subnormal ones
// and the step to infinity too.
TEST(DTypeConversion, RoundsEveryTieToEven) {
  for (DType dtype : kSmall) {
    const uint16_t infinity = FormatOf(dtype).InfinityBits();
    for (uint16_t bits = 0; bits < infinity; ++bits) {
      const double low = DecodeSmallFloat(bits, dtype);
      const double high = bits + 1 < infinity ? DecodeSmallFloat(static_cast<uint16_t>(bits + 1), dtype)
                                              : std::ldexp(1.0, FormatOf(dtype).Bias() + 1);
      const auto tie = static_cast<float>((low + high) / 2);
      ASSERT_EQ(static_cast<double>(tie), (low + high) / 2);
      for (float value : {tie, std::nextafter(tie, 0.0F), std::nextafter(tie, HUGE_VALF)}) {
        ASSERT_NO_FATAL_FAILURE(ExpectRounding(value, dtype));
        ASSERT_NO_FATAL_FAILURE(ExpectRounding(-value, dtype));
      }
    }
  }
}

TEST(DTypeConversion, RoundsRandomFloats) {
  std::mt19937 random(1);
  for (int i = 0; i < 200000; ++i) {
    const auto value = std::bit_cast<float>(static_cast<uint32_t>(random()));
    for (DType dtype : kSmall) ASSERT_NO_FATAL_FAILURE(ExpectRounding(value, dtype));
  }
}

TEST(DTypeConversion, TheEdges) {
  EXPECT_EQ(FloatToF16(65504.0F), 0x7BFF);
  EXPECT_EQ(FloatToF16(65519.996F), 0x7BFF);
  EXPECT_EQ(FloatToF16(65520.0F), 0x7C00);
  EXPECT_EQ(FloatToF16(-1e30F), 0xFC00);
  EXPECT_EQ(FloatToF16(HUGE_VALF), 0x7C00);
  EXPECT_EQ(FloatToF16(0x1p-25F), 0x0000) << "a tie with zero";
  EXPECT_EQ(FloatToF16(0x1.000002p-25F), 0x0001);
  EXPECT_EQ(FloatToF16(-0x1p-24F), 0x8001);
  EXPECT_EQ(FloatToF16(-0.0F), 0x8000);
  EXPECT_EQ(FloatToF16(0x1p-149F), 0x0000);
  EXPECT_EQ(FloatToBF16(std::numeric_limits<float>::max()), 0x7F80);
  EXPECT_EQ(FloatToBF16(0x1.FEFFFEp127F), 0x7F7F);
  EXPECT_EQ(FloatToBF16(0x1p-149F), 0x0000);
  EXPECT_EQ(FloatToBF16(-HUGE_VALF), 0xFF80);
}

TEST(DTypeConversion, EveryNanIsTheCanonicalOne) {
  for (uint32_t bits : {0x7F800001U, 0x7FBFFFFFU, 0x7FC00000U, 0x7FFFFFFFU, 0xFF800001U, 0xFFC00000U, 0xFFFFFFFFU}) {
    EXPECT_EQ(FloatToF16(std::bit_cast<float>(bits)), 0x7E00) << bits;
    EXPECT_EQ(FloatToBF16(std::bit_cast<float>(bits)), 0x7FC0) << bits;
  }
}

TEST(DTypeConversion, LoadAndStoreNeedNoAlignment) {
  for (DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    std::vector<std::byte> bytes(33, std::byte{0x55});
    std::byte* data = bytes.data() + 1;
    StoreFloat(data, dtype, 0, -1.5F);
    StoreFloat(data, dtype, 1, 0.1F);
    StoreFloat(data, dtype, 2, 1e9F);
    EXPECT_EQ(LoadFloat(data, dtype, 0), -1.5F);
    EXPECT_EQ(LoadFloat(data, dtype, 1), dtype == DType::kF32 ? 0.1F : ToFloat(RoundToSmallFloat(0.1F, dtype), dtype));
    EXPECT_EQ(LoadFloat(data, dtype, 2), dtype == DType::kF32 ? 1e9F : ToFloat(RoundToSmallFloat(1e9F, dtype), dtype));
    EXPECT_EQ(bytes[0], std::byte{0x55});
    EXPECT_EQ(bytes[1 + 3 * DTypeSize(dtype)], std::byte{0x55});
  }
}

TEST(DTypeName, NamesSizesAndBack) {
  struct Case {
    DType dtype;
    const char* name;
    size_t size;
  };
  constexpr Case kCases[] = {{DType::kF32, "F32", 4},   {DType::kF16, "F16", 2},        {DType::kBF16, "BF16", 2},
                             {DType::kI8, "I8", 1},     {DType::kU8, "U8", 1},          {DType::kI16, "I16", 2},
                             {DType::kU16, "U16", 2},   {DType::kI32, "I32", 4},        {DType::kU32, "U32", 4},
                             {DType::kI64, "I64", 8},   {DType::kU64, "U64", 8},        {DType::kF64, "F64", 8},
                             {DType::kBool, "BOOL", 1}, {DType::kF8E4M3, "F8_E4M3", 1}, {DType::kF8E5M2, "F8_E5M2", 1}};
  for (const Case& c : kCases) {
    EXPECT_EQ(DTypeName(c.dtype), c.name);
    EXPECT_EQ(DTypeSize(c.dtype), c.size);
    EXPECT_EQ(ParseDTypeName(c.name), c.dtype);
    EXPECT_EQ(IsComputeFloat(c.dtype), c.dtype == DType::kF32 || c.dtype == DType::kF16 || c.dtype == DType::kBF16);
  }
}

TEST(DTypeName, UnknownNamesListTheKnownOnes) {
  for (const char* bad : {"", "f32", "F32 ", "float32", "F4"}) {
    try {
      ParseDTypeName(bad);
      FAIL() << bad;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("unknown dtype \"" + std::string(bad) + "\""));
      EXPECT_THAT(error.what(), HasSubstr("F32, F16, BF16, I8,"));
    }
  }
}

TEST(TensorView, ShapesAndSizes) {
  EXPECT_EQ(ShapeString({2, 3}), "[2, 3]");
  EXPECT_EQ(ShapeString({}), "[]");
  const TensorView scalar{nullptr, DType::kF16, {}};
  EXPECT_EQ(scalar.Elements(), 1);
  const TensorView view{nullptr, DType::kF32, {5, 0, 7}};
  EXPECT_EQ(view.Bytes(), 0U);
  float data[12];
  const Matrix matrix{data, DType::kF32, 3, 2, 4};
  EXPECT_EQ(matrix.Row(2), data + 8);
  EXPECT_EQ(ConstMatrix(matrix).Row(1), data + 4);
}

}  // namespace
}  // namespace w8a16
