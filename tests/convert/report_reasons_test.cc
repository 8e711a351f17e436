#include "convert/report_reasons.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "base/strings.h"
#include "convert/report_fixture.h"
#include "w8a16/quantize.h"

namespace w8a16 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::MakeLayer;

std::vector<std::string> Titles(const ConvertedLayer& layer) {
  std::vector<std::string> titles;
  for (const SqnrReason& reason : SqnrReasons(layer)) titles.push_back(reason.title);
  return titles;
}

TEST(SqnrReasons, Outlier) {
  ConvertedLayer layer = MakeLayer("x", 41);
  layer.outlier_ratio = 31.2;
  layer.outlier_row = 1203;
  const auto reasons = SqnrReasons(layer);
  ASSERT_THAT(Titles(layer), ElementsAre("Outlier"));
  EXPECT_THAT(reasons[0].text, HasSubstr("row 1,203 is 31.2 times"));
  EXPECT_THAT(reasons[0].text, HasSubstr("up to 4.9"));  // sqrt(2 ln(2 * 64 * 1024))
}

TEST(SqnrReasons, HeavyTails) {
  const ConvertedLayer layer = MakeLayer("x", 35);
  ASSERT_THAT(Titles(layer), ElementsAre("Heavy tails"));
  EXPECT_THAT(SqnrReasons(layer)[0].text, HasSubstr("7.8 times"));
}

TEST(SqnrReasons, OneLargeRow) {
  ConvertedLayer layer = MakeLayer("x", 35);
  layer.scales.max = layer.scales.median * 10;  // 100 of 163
  ASSERT_THAT(Titles(layer), ElementsAre("Uneven rows"));
  EXPECT_THAT(SqnrReasons(layer)[0].text, HasSubstr("10.0 times the median"));
  EXPECT_THAT(SqnrReasons(layer)[0].text, HasSubstr("61 %"));
}

TEST(SqnrReasons, ZeroRows) {
  ConvertedLayer layer = MakeLayer("x");
  layer.zero_rows = 12;
  EXPECT_THAT(Titles(layer), ElementsAre("Nothing unusual", "Zero rows"));
  EXPECT_THAT(SqnrReasons(layer)[1].text, HasSubstr("12 of 64"));
  layer.zero_rows = layer.out_features;
  EXPECT_THAT(Titles(layer), ElementsAre("All zeros"));
}

TEST(SqnrReasons, Exact) {
  EXPECT_THAT(Titles(MakeLayer("x", std::numeric_limits<double>::infinity())), ElementsAre("Exact"));
}

TEST(SqnrReasons, NothingUnusual) { EXPECT_THAT(Titles(MakeLayer("x")), ElementsAre("Nothing unusual")); }

// What the sentences say of bell-shaped weights is true of them.
TEST(SqnrReasons, BellShapedWeightsAreNotUnusual) {
  constexpr int64_t kRows = 96;
  constexpr int64_t kColumns = 512;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> w(kRows * kColumns);
  for (float& x : w) x = normal(random);
  std::vector<int8_t> q(w.size());
  std::vector<float> scales(kRows);
  const ConstMatrix matrix = {w.data(), DType::kF32, kRows, kColumns, kColumns};
  const QuantizedRowsOut out = {.weights = q.data(), .row_stride = kColumns, .scales = scales.data()};
  QuantizeRows(matrix, out);
  ConvertedLayer layer = MakeLayer("x", MeasureQuantization(matrix, out).SqnrDb());
  layer.out_features = kRows;
  layer.in_features = kColumns;
  double peaks2 = 0;
  double means2 = 0;
  layer.outlier_ratio = 0;
  for (int64_t r = 0; r < kRows; ++r) {
    double sum2 = 0;
    for (int64_t c = 0; c < kColumns; ++c) sum2 += std::pow(w[static_cast<size_t>(r * kColumns + c)], 2);
    const double peak = 127.0 * static_cast<double>(scales[static_cast<size_t>(r)]);
    peaks2 += peak * peak;
    means2 += sum2 / kColumns;
    layer.outlier_ratio = std::max(layer.outlier_ratio, peak / std::sqrt(sum2 / kColumns));
  }
  EXPECT_THAT(Titles(layer), ElementsAre("Nothing unusual"));
  EXPECT_LT(layer.outlier_ratio, GaussianPeak(kRows * kColumns));
  EXPECT_NEAR(EvenPeak(layer.sqnr_db), std::sqrt(peaks2 / means2), 0.02);
}

}  // namespace
}  // namespace w8a16
