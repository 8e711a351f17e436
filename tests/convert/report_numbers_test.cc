#include "convert/report_numbers.h"

#include <gtest/gtest.h>

#include <limits>

#include "convert/report_axis.h"

namespace w8a16 {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(ReportNumbers, Grouped) {
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Grouped(1000), "1,000");
  EXPECT_EQ(Grouped(1234567), "1,234,567");
  EXPECT_EQ(Grouped(-1234), "-1,234");
  EXPECT_EQ(Grouped(-123), "-123");
}

TEST(ReportNumbers, Decibels) {
  EXPECT_EQ(Decibels(41.26), "41.3 dB");
  EXPECT_EQ(Decibels(kInfinity), "exact");
}

TEST(ReportNumbers, Small) {
  EXPECT_EQ(Small(0), "0");
  EXPECT_EQ(Small(0.00235), "2.35×10⁻³");
  EXPECT_EQ(Small(0.0234), "0.0234");
  EXPECT_EQ(Small(1.2), "1.20");
  EXPECT_EQ(Small(1234), "1234");
  EXPECT_EQ(Small(2.346e-7), "2.35×10⁻⁷");
  EXPECT_EQ(Small(5e12), "5.00×10¹²");
  EXPECT_EQ(Small(9.999e-5), "1.00×10⁻⁴");
  EXPECT_EQ(Small(0.9999), "1.00");
}

TEST(ReportNumbers, RelativeError) {
  EXPECT_EQ(RelativeError(40), "1.0 %");
  EXPECT_EQ(RelativeError(46), "0.50 %");
  EXPECT_EQ(RelativeError(20), "10 %");
  EXPECT_EQ(RelativeError(0), "100 %");
  EXPECT_EQ(RelativeError(100), "0.0010 %");
  EXPECT_EQ(RelativeError(kInfinity), "0 %");
}

TEST(ReportAxis, RoundTicksEncloseTheRange) {
  const Axis axis = EnclosingAxis(36.8, 43.9, 6, 0.1);
  EXPECT_EQ(axis.ticks, (std::vector<double>{36, 38, 40, 42, 44}));
  EXPECT_EQ(axis.decimals, 0);
  EXPECT_EQ(axis.Position(36), 0);
  EXPECT_EQ(axis.Position(44), 1);
  EXPECT_EQ(axis.Position(40), 0.5);
}

TEST(ReportAxis, OneValueHasRoom) {
  const Axis axis = EnclosingAxis(42, 42, 6, 0.1);
  EXPECT_LT(axis.low, 42);
  EXPECT_GT(axis.high, 42);
  EXPECT_EQ(axis.decimals, 1);
}

TEST(ReportAxis, NeverTooManyTicks) {
  for (const double size : {0.01, 0.7, 1.0, 3.0, 9.9, 42.0, 199.0, 1e6}) {
    for (const double low : {-3.3, 0.0, 17.0}) {
      const Axis axis = EnclosingAxis(low, low + size, 6, 0.1);
      EXPECT_LE(axis.low, low + 1e-9);
      EXPECT_GE(axis.high, low + size - 1e-9);
      EXPECT_GE(axis.ticks.size(), 2U) << size;
      EXPECT_LE(axis.ticks.size(), 13U) << size;
    }
  }
}

TEST(ReportAxis, LabelStride) {
  EXPECT_EQ(LabelStride(0, 8), 1U);
  EXPECT_EQ(LabelStride(8, 8), 1U);
  EXPECT_EQ(LabelStride(9, 8), 2U);
  EXPECT_EQ(LabelStride(32, 8), 5U);
  EXPECT_EQ(LabelStride(1000, 8), 200U);
}

}  // namespace
}  // namespace w8a16
