#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "cli/conversion.h"
#include "cli/format.h"
#include "cli/json_out.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

TEST(Format, Bytes) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(999), "999 B");
  EXPECT_EQ(FormatBytes(1000), "1.00 kB");
  EXPECT_EQ(FormatBytes(999'600), "1.00 MB");
  EXPECT_EQ(FormatBytes(2'200'000'000), "2.20 GB");
}

TEST(Format, SizesAreRead) {
  EXPECT_EQ(ParseBytes("123456"), 123456U);
  EXPECT_EQ(ParseBytes("5GB"), 5'000'000'000U);
  EXPECT_EQ(ParseBytes("500 mb"), 500'000'000U);
  EXPECT_EQ(ParseBytes("2GiB"), uint64_t{2} << 30);
  EXPECT_EQ(ParseBytes("1.5kB"), 1500U);
  for (const char* bad : {"", "GB", "5G B", "5XB", "-1", "1e30GB", "5GB5", "nan", "inf"}) {
    EXPECT_THROW(ParseBytes(bad), Error) << bad;
  }
}

TEST(Progress, BytesRateAndTimeLeft) {
  EXPECT_EQ(ProgressText(0, 2'000'000, 1), "0 B of 2.00 MB");
  EXPECT_EQ(ProgressText(1'000'000, 2'000'000, 0.1), "1.00 MB of 2.00 MB");
  EXPECT_EQ(ProgressText(1'000'000, 2'000'000, 2), "1.00 MB of 2.00 MB, 500 kB/s, 2 s left");
  EXPECT_EQ(ProgressText(1'000, 1'000'000, 1), "1.00 kB of 1.00 MB, 1.00 kB/s, 16:39 left");
  EXPECT_EQ(ProgressText(1'000, 4'001'000, 1), "1.00 kB of 4.00 MB, 1.00 kB/s, 1:06:40 left");
  EXPECT_EQ(ProgressText(1'000, 1'000, 1), "1.00 kB of 1.00 kB, 1.00 kB/s, 0 s left");
}

TEST(Format, RatesAndTimes) {
  EXPECT_EQ(FormatRate(2.5e9, "B/s"), "2.50 GB/s");
  EXPECT_EQ(FormatRate(3.1e12, "FLOP/s"), "3.10 TFLOP/s");
  EXPECT_EQ(FormatSeconds(3.45), "3.45 s");
  EXPECT_EQ(FormatSeconds(0.0123), "12.3 ms");
  EXPECT_EQ(FormatSeconds(4e-6), "4.00 us");
  EXPECT_EQ(FormatNumber(0.1234), "0.123");
  EXPECT_EQ(FormatNumber(6000), "6000");
  EXPECT_EQ(FormatPercent(1, 8), "12.5%");
}

TEST(Table, AlignsColumns) {
  Table table({"name", ">bytes"});
  table.AddRow({"a", "12345678"});
  table.AddRow({"longer \xC3\xA9", "1"});
  EXPECT_EQ(table.Render(),
            "name         bytes\n"
            "--------  --------\n"
            "a         12345678\n"
            "longer \xC3\xA9         1\n");
}

TEST(LogitsJson, FloatsReadBackEqual) {
  const std::array<float, 6> values = {0.1F, -3.4028235e38F, 1e-45F, 16777216.0F, -0.0F, 1.0F / 3};
  const std::string text = LogitsJson(values, 3);
  EXPECT_THAT(text, ::testing::StartsWith("{\"logits\":[[0.1,-3.4028235e+38,1e-45],["));
  const Json json = Json::parse(text);
  ASSERT_EQ(json["logits"].size(), 2);
  for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(json["logits"][i / 3][i % 3].get<float>(), values[i]);
}

TEST(LogitsJson, WhatIsNotFiniteIsNull) {
  const std::array<float, 3> values = {std::nanf(""), std::numeric_limits<float>::infinity(), 2};
  EXPECT_EQ(LogitsJson(values, 3), "{\"logits\":[[null,null,2]]}");
  EXPECT_EQ(LogitsJson({}, 3), "{\"logits\":[]}");
}

ConvertedLayer Layer(const char* name, double sqnr_db) {
  ConvertedLayer layer;
  layer.name = name;
  layer.sqnr_db = sqnr_db;
  return layer;
}

TEST(Conversion, WorstAndMedianLayers) {
  ConvertReport report;
  EXPECT_EQ(SummarizeSqnr(report).worst_layer, "");
  report.layers = {Layer("a", 42), Layer("b", 38), Layer("c", 40)};
  report.bytes_before = 4000;
  report.bytes_after = 1000;
  const SqnrSummary summary = SummarizeSqnr(report);
  EXPECT_EQ(summary.worst_db, 38);
  EXPECT_EQ(summary.median_db, 40);
  EXPECT_EQ(summary.worst_layer, "b");
  EXPECT_THAT(ConversionTable(report).Render(),
              ::testing::AllOf(::testing::HasSubstr("4.00x smaller"), ::testing::HasSubstr("38.0 dB (b)")));
}

}  // namespace
}  // namespace w8a16
