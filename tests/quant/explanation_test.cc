// The weights of docs/quantization_explanation.md's worked example, recomputed.

#include "testing/explanation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "testing/isas.h"
#include "w8a16/quantize.h"

namespace w8a16 {
namespace {

using ::testing::ElementsAreArray;
using ::w8a16::testing::Floats;
using ::w8a16::testing::ForEachIsa;
using ::w8a16::testing::LoadAll;
using ::w8a16::testing::ReadWorkedExample;

TEST(WorkedExample, Weights) {
  const nlohmann::json example = ReadWorkedExample();
  std::vector<float> weights;
  for (const nlohmann::json& row : example.at("weights")) {
    const std::vector<float> values = Floats(row);
    weights.insert(weights.end(), values.begin(), values.end());
  }
  const auto rows = static_cast<int64_t>(example.at("weights").size());
  const auto cols = static_cast<int64_t>(weights.size()) / rows;
  const ConstMatrix w{weights.data(), DType::kF32, rows, cols, cols};
  ASSERT_EQ(example.at("scales").size(), 3U);

  for (const nlohmann::json& stored : example.at("scales")) {
    const DType scale_dtype = ParseDTypeName(stored.at("dtype").get<std::string>());
    SCOPED_TRACE(DTypeName(scale_dtype));
    ForEachIsa([&] {
      const auto n = static_cast<size_t>(rows);
      const auto k = static_cast<size_t>(cols);
      std::vector<int8_t> q(n * k);
      std::vector<uint8_t> flipped(n * k);
      std::vector<std::byte> scale_bytes(n * DTypeSize(scale_dtype));
      QuantizedRowsOut out{q.data(), cols, Int8Encoding::kSigned, scale_bytes.data(), scale_dtype};
      QuantizeRows(w, out);
      const std::vector<float> scale = LoadAll(scale_bytes, scale_dtype);
      EXPECT_EQ(scale, Floats(stored.at("scale")));
      out.weights = flipped.data();
      out.encoding = Int8Encoding::kFlipped;
      QuantizeRows(w, out);

      for (size_t r = 0; r < n; ++r) {
        SCOPED_TRACE(::testing::Message() << "row " << r);
        EXPECT_THAT(stored.at("q")[r].get<std::vector<int>>(), ElementsAreArray(&q[r * k], k));
        EXPECT_THAT(stored.at("bytes_flipped")[r].get<std::vector<int>>(), ElementsAreArray(&flipped[r * k], k));
        std::vector<float> quotient(k);
        float max = 0;
        double max_error = 0;
        for (size_t c = 0; c < k; ++c) {
          const float value = weights[r * k + c];
          quotient[c] = value / scale[r];
          max = std::max(max, std::abs(value));
          max_error =
              std::max(max_error, std::abs(static_cast<double>(value) - q[r * k + c] * static_cast<double>(scale[r])));
        }
        EXPECT_EQ(quotient, Floats(stored.at("quotient")[r]));
        EXPECT_EQ(max, Floats(example.at("max"))[r]);
        EXPECT_DOUBLE_EQ(max_error, stored.at("max_error")[r].get<double>());
      }
    });
  }
}

}  // namespace
}  // namespace w8a16
