#include "model/rotary.h"

#include <gtest/gtest.h>

#include <cmath>

namespace w8a16 {
namespace {

RopeSpec Spec(RopeLength length) {
  RopeSpec spec;
  spec.frequencies = {1.0F, 0.1F};
  spec.long_frequencies = {0.5F, 0.01F};
  spec.length = length;
  spec.original_positions = 8;
  spec.base = 100;
  spec.factor = 2;
  spec.attention_factor = 1.5F;
  return spec;
}

void ExpectAngle(const RotaryTable& table, int64_t position, float first, float second) {
  // Angles are float32 products, which the tolerance of a cosine does not cover far into the text.
  const double a = static_cast<double>(static_cast<float>(position) * first);
  const double b = static_cast<double>(static_cast<float>(position) * second);
  EXPECT_NEAR(table.Cos(position)[0], 1.5 * std::cos(a), 2e-6) << position;
  EXPECT_NEAR(table.Sin(position)[0], 1.5 * std::sin(a), 2e-6) << position;
  EXPECT_NEAR(table.Cos(position)[1], 1.5 * std::cos(b), 2e-6) << position;
  EXPECT_NEAR(table.Sin(position)[1], 1.5 * std::sin(b), 2e-6) << position;
}

TEST(Rotary, TurnsByPositionTimesFrequency) {
  Rotary rotary(Spec(RopeLength::kFixed));
  const std::vector<int32_t> ids(3);
  const std::vector<Sequence> sequences = {{nullptr, ids, 0, 3}, {nullptr, ids, 500, 503}};
  rotary.Prepare(sequences);
  for (size_t i = 0; i < 2; ++i) {
    for (int64_t position : {0, 2, 64, 500, 502}) ExpectAngle(rotary.Table(i), position, 1.0F, 0.1F);
  }
  EXPECT_FALSE(rotary.Outdates(1, 1000));
}

// Each sequence follows its own length, whatever stands beside it.
TEST(Rotary, DynamicFrequenciesBelongToEachSequence) {
  Rotary rotary(Spec(RopeLength::kDynamic));
  const std::vector<int32_t> ids(4);
  const std::vector<Sequence> sequences = {{nullptr, ids, 4, 8}, {nullptr, ids, 8, 12}, {nullptr, ids, 20, 24}};
  for (int repeat = 0; repeat < 2; ++repeat) {
    rotary.Prepare(sequences);
    ExpectAngle(rotary.Table(0), 7, 1.0F, 0.1F);
    // The base grows by (2 * 12 / 8 - 1)^(4 / 2) = 4 and (2 * 24 / 8 - 1)^2 = 25.
    ExpectAngle(rotary.Table(1), 11, 1.0F, 1 / 20.0F);
    ExpectAngle(rotary.Table(2), 20, 1.0F, 1 / 50.0F);
  }
  EXPECT_FALSE(rotary.Outdates(4, 12));
}

TEST(Rotary, LongTextsHaveFrequenciesOfTheirOwn) {
  Rotary rotary(Spec(RopeLength::kSwitch));
  const std::vector<int32_t> ids(4);
  const std::vector<Sequence> sequences = {{nullptr, ids, 4, 8}, {nullptr, ids, 5, 9}};
  rotary.Prepare(sequences);
  ExpectAngle(rotary.Table(0), 5, 1.0F, 0.1F);
  ExpectAngle(rotary.Table(1), 5, 0.5F, 0.01F);
  EXPECT_TRUE(rotary.Outdates(8, 9));
  EXPECT_FALSE(rotary.Outdates(7, 8));
  EXPECT_FALSE(rotary.Outdates(9, 10));
}

}  // namespace
}  // namespace w8a16
