// What is on the disk after a conversion runs as what is quantized while a model loads, which the golden models check.

#include <algorithm>
#include <array>

#include "convert/convert.h"
#include "convert/verify.h"
#include "testing/files.h"
#include "testing/goldens.h"
#include "w8a16/model.h"

namespace w8a16 {
namespace {

using ::testing::IsEmpty;
using testing::TempDir;

std::vector<float> Logits(const std::filesystem::path& directory, WeightPolicy weights,
                          const std::vector<int32_t>& ids) {
  Model model = Model::Load(directory, {.weights = weights});
  EXPECT_TRUE(model.quantized());
  KvCache cache(model);
  const std::array<SequenceInput, 1> input = {{{ids, &cache}}};
  const std::span<const float> logits = model.Forward(input, LogitsFor::kAllTokens);
  return {logits.begin(), logits.end()};
}

class GoldenCheckpoint : public ::testing::TestWithParam<std::string> {
 protected:
  std::filesystem::path source() const { return testing::GoldenDirectory(GetParam()); }
  std::vector<int32_t> ids() const {
    return testing::ReadJson(source() / "golden.json")["input_ids"].get<std::vector<int32_t>>();
  }
};

TEST_P(GoldenCheckpoint, RunsFromDiskWithTheSameBits) {
  const std::vector<float> expected = Logits(source(), WeightPolicy::kW8A16, ids());
  for (const QuantizedFormat format : {QuantizedFormat::kPackQuantized, QuantizedFormat::kIntQuantized}) {
    const TempDir dir;
    ConvertOptions options;
    options.format = format;
    QuantizeCheckpoint(source(), dir / "made", options);
    EXPECT_EQ(Logits(dir / "made", WeightPolicy::kAuto, ids()), expected) << QuantizedFormatName(format);
    EXPECT_THAT(VerifyCheckpoint(dir / "made"), IsEmpty());
  }
}

INSTANTIATE_TEST_SUITE_P(All, GoldenCheckpoint, ::testing::ValuesIn(testing::GoldenNames()), [](const auto& model) {
  std::string name = model.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

// Layers that read the same input need not be of one kind.
TEST(MixedCheckpoint, RunsWithSomeLayersFloat) {
  const std::filesystem::path source = testing::GoldenDirectory("llama-gqa");
  const TempDir dir;
  ConvertOptions options;
  options.ignore = {"k_proj", "up_proj"};
  QuantizeCheckpoint(source, dir / "made", options);
  const std::vector<float> mixed = Logits(dir / "made", WeightPolicy::kAuto, {1, 17, 93});
  const std::vector<float> quantized = Logits(source, WeightPolicy::kW8A16, {1, 17, 93});
  EXPECT_LT(testing::RelativeError(mixed, quantized), 0.03);
  EXPECT_NE(mixed, quantized);
}

}  // namespace
}  // namespace w8a16
