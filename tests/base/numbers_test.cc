#include "base/numbers.h"

#include <gtest/gtest.h>

#include <limits>

namespace w8a16 {
namespace {

TEST(Numbers, Fixed) {
  EXPECT_EQ(FormatFixed(12.345, 1), "12.3");
  EXPECT_EQ(FormatFixed(-0.5, 2), "-0.50");
  EXPECT_EQ(FormatFixed(2, 0), "2");
  EXPECT_EQ(FormatFixed(std::numeric_limits<double>::max(), 2).size(), 309 + 3);
}

TEST(Numbers, ThreeDigits) {
  EXPECT_EQ(FormatThreeDigits(1.234), "1.23");
  EXPECT_EQ(FormatThreeDigits(9.996), "10.0");
  EXPECT_EQ(FormatThreeDigits(99.96), "100");
  EXPECT_EQ(FormatThreeDigits(-1234), "-1234");
}

TEST(Numbers, LongTimes) {
  EXPECT_EQ(FormatSeconds(119), "119 s");
  EXPECT_EQ(FormatSeconds(754), "12 min 34 s");
  EXPECT_EQ(FormatSeconds(7199.9), "2 h 0 min");
  EXPECT_EQ(FormatSeconds(12345), "3 h 25 min");
}

}  // namespace
}  // namespace w8a16
