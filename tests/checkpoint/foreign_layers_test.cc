#include "checkpoint/foreign_layers.h"

#include <array>
#include <functional>

#include "checkpoint/quantization_config.h"
#include "testing/files.h"
#include "w8a16/checkpoint.h"

namespace w8a16 {
namespace {

using testing::Bytes;
using testing::ExpectError;
using testing::SafetensorsBytes;
using testing::TempDir;
using testing::TestTensor;

using ::testing::ElementsAre;

const Json kBitsAndBytes = {{"quant_method", "bitsandbytes"},
                            {"load_in_8bit", true},
                            {"load_in_4bit", false},
                            {"llm_int8_threshold", 6.0},
                            {"llm_int8_skip_modules", nullptr},
                            {"bnb_4bit_quant_type", "fp4"}};
const Json kGptq = {{"quant_method", "gptq"}, {"bits", 8},     {"group_size", -1},           {"damp_percent", 0.01},
                    {"desc_act", false},      {"sym", true},   {"static_groups", false},     {"true_sequential", true},
                    {"lm_head", false},       {"dynamic", {}}, {"checkpoint_format", "gptq"}};

// A layer "m.fc" with q[n, k] below and scales 0.5, 0.25, 1, 2: as both write it.
constexpr int64_t kOut = 4;
constexpr int64_t kIn = 8;
int8_t Q(int64_t n, int64_t k) { return static_cast<int8_t>(n == 3 ? -127 + k : 31 * n - 9 * k); }
constexpr std::array<float, 4> kScales = {0.5F, 0.25F, 1.0F, 2.0F};

std::vector<TestTensor> BitsAndBytes() {
  std::vector<int8_t> q;
  std::vector<float> absmax;
  for (int64_t n = 0; n < kOut; ++n) {
    absmax.push_back(kScales[n] * 127.0F);
    for (int64_t k = 0; k < kIn; ++k) q.push_back(Q(n, k));
  }
  return {{"m.fc.SCB", "F32", {kOut}, Bytes(absmax)},
          {"m.fc.weight", "I8", {kOut, kIn}, Bytes(q)},
          {"m.fc.weight_format", "U8", {}, std::string(1, '\0')},
          {"m.out.weight", "F16", {1, 2}, std::string(4, '\0')}};
}

std::vector<TestTensor> Gptq(char zero = 127) {
  std::vector<uint32_t> words(kIn / 4 * kOut);
  for (int64_t n = 0; n < kOut; ++n) {
    for (int64_t k = 0; k < kIn; ++k) {
      words[k / 4 * kOut + n] |= static_cast<uint32_t>(Q(n, k) + 128) << (8 * (k % 4));
    }
  }
  std::vector<uint16_t> scales;
  for (const float scale : kScales) scales.push_back(FloatToF16(scale));
  return {{"m.fc.qweight", "I32", {kIn / 4, kOut}, Bytes(words)},
          {"m.fc.scales", "F16", {1, kOut}, Bytes(scales)},
          {"m.fc.qzeros", "I32", {1, kOut / 4}, std::string(kOut, zero)},
          {"m.fc.g_idx", "I32", {kIn}, std::string(4 * kIn, '\0')},
          {"m.out.weight", "F16", {1, 2}, std::string(4, '\0')}};
}

class ForeignLayersTest : public ::testing::Test {
 protected:
  Checkpoint Open(const std::vector<TestTensor>& tensors, const Json& quantization) {
    WriteTextFile(dir_ / "model.safetensors", SafetensorsBytes(tensors));
    WriteTextFile(dir_ / "config.json", Json({{"quantization_config", quantization}}).dump());
    return Checkpoint::Open(dir_.path());
  }

  static void ExpectTheLayer(const QuantizedTensors& layer) {
    EXPECT_EQ(layer.out_features, kOut);
    EXPECT_EQ(layer.in_features, kIn);
    const int flip = layer.encoding == Int8Encoding::kFlipped ? 0x80 : 0;
    for (int64_t n = 0; n < kOut; ++n) {
      EXPECT_EQ(LoadFloat(layer.scales.data, layer.scales.dtype, n), kScales[n]);
      for (int64_t k = 0; k < kIn; ++k) {
        const auto byte = std::to_integer<int>(layer.weights.data[n * layer.row_stride + k]) ^ flip;
        EXPECT_EQ(static_cast<int8_t>(byte), Q(n, k)) << n << ", " << k;
      }
    }
  }

  // The layer after `change` to the tensor m.fc.`name` is refused.
  void ExpectRefused(std::vector<TestTensor> tensors, const Json& quantization, const std::string& name,
                     const std::function<void(TestTensor&)>& change, std::vector<std::string> parts) {
    for (TestTensor& tensor : tensors) {
      if (tensor.name == "m.fc." + name) change(tensor);
    }
    parts.push_back((dir_ / "model.safetensors").string());
    const Checkpoint checkpoint = Open(tensors, quantization);
    ExpectError([&] { checkpoint.FindQuantized("m.fc"); }, parts);
  }
  void ExpectBitsAndBytesRefused(const std::string& name, const std::function<void(TestTensor&)>& change,
                                 const std::vector<std::string>& parts) {
    ExpectRefused(BitsAndBytes(), kBitsAndBytes, name, change, parts);
  }
  void ExpectGptqRefused(const std::string& name, const std::function<void(TestTensor&)>& change,
                         const std::vector<std::string>& parts) {
    ExpectRefused(Gptq(), kGptq, name, change, parts);
  }
  // A setting that keeps the checkpoint from being opened.
  void ExpectSettingRefused(Json quantization, const std::string& key, const Json& value) {
    quantization[key] = value;
    ExpectError([&] { Open(Gptq(), quantization); },
                {"config.json", "quantization_config." + key + " is " + value.dump(), "w8a16 quantize"});
  }

  TempDir dir_;
};

void Rename(TestTensor& tensor) { tensor.name = "elsewhere"; }

TEST_F(ForeignLayersTest, ReadsBitsAndBytes) {
  const Checkpoint checkpoint = Open(BitsAndBytes(), kBitsAndBytes);
  EXPECT_EQ(checkpoint.quantization()->method, QuantizationMethod::kBitsAndBytes);
  const auto layer = checkpoint.FindQuantized("m.fc");
  ASSERT_TRUE(layer);
  ExpectTheLayer(*layer);
  EXPECT_EQ(layer->weights.data, checkpoint.Get("m.fc.weight").data);
  EXPECT_THAT(layer->parts, ElementsAre("m.fc.weight", "m.fc.SCB", "m.fc.weight_format"));
  EXPECT_FALSE(checkpoint.FindQuantized("m.out"));
}

TEST_F(ForeignLayersTest, ReadsTheFirstFilesOfBitsAndBytes) {
  std::vector<TestTensor> tensors = BitsAndBytes();
  tensors.erase(tensors.begin() + 2);
  ExpectTheLayer(*Open(tensors, {{"load_in_8bit", true}}).FindQuantized("m.fc"));
}

TEST_F(ForeignLayersTest, DividesTheLargestValuesAsFloats) {
  std::vector<TestTensor> tensors = BitsAndBytes();
  tensors[0].bytes = Bytes<float>({0.1F, 3.0F, 1e-3F, 7.7F});
  const auto layer = Open(tensors, kBitsAndBytes).FindQuantized("m.fc");
  EXPECT_EQ(LoadFloat(layer->scales.data, DType::kF32, 3), 7.7F / 127.0F);
}

TEST_F(ForeignLayersTest, ReadsGptq) {
  const Checkpoint checkpoint = Open(Gptq(), kGptq);
  const auto layer = checkpoint.FindQuantized("m.fc");
  ASSERT_TRUE(layer);
  ExpectTheLayer(*layer);
  EXPECT_EQ(layer->scales.dtype, DType::kF16);
  EXPECT_THAT(layer->parts, ElementsAre("m.fc.qweight", "m.fc.scales", "m.fc.qzeros", "m.fc.g_idx"));
  EXPECT_FALSE(checkpoint.FindQuantized("m.out"));
}

TEST_F(ForeignLayersTest, ReadsTheZeroPointsOfGptqV2) {
  Json config = kGptq;
  config["checkpoint_format"] = "gptq_v2";
  ExpectTheLayer(*Open(Gptq(static_cast<char>(128)), config).FindQuantized("m.fc"));
  const Checkpoint wrong = Open(Gptq(127), config);
  ExpectError([&] { wrong.FindQuantized("m.fc"); }, {"m.fc.qzeros", "output channel 0 has the zero point 127"});
}

TEST_F(ForeignLayersTest, TransposesLargeLayers) {
  constexpr int64_t kRows = 76;  // not a multiple of a block
  constexpr int64_t kWords = 35;
  std::vector<uint32_t> words(kRows * kWords);
  for (size_t i = 0; i < words.size(); ++i) words[i] = static_cast<uint32_t>(i * 2654435761U);
  const Checkpoint checkpoint = Open({{"m.fc.qweight", "I32", {kWords, kRows}, Bytes(words)},
                                      {"m.fc.scales", "F32", {1, kRows}, Bytes(std::vector<float>(kRows, 1))},
                                      {"m.fc.qzeros", "I32", {1, kRows / 4}, std::string(kRows, 127)}},
                                     kGptq);
  const auto layer = checkpoint.FindQuantized("m.fc");
  ASSERT_TRUE(layer);
  for (int64_t n = 0; n < kRows; ++n) {
    for (int64_t j = 0; j < kWords; ++j) {
      uint32_t word = 0;
      std::memcpy(&word, layer->weights.data + (n * kWords + j) * 4, 4);
      ASSERT_EQ(word, words[j * kRows + n]);
    }
  }
}

TEST_F(ForeignLayersTest, OwnersOutliveTheCheckpoint) {
  std::optional<QuantizedTensors> layer;
  { layer = Open(Gptq(), kGptq).FindQuantized("m.fc"); }
  ExpectTheLayer(*layer);
  { layer = Open(BitsAndBytes(), kBitsAndBytes).FindQuantized("m.fc"); }
  ExpectTheLayer(*layer);
}

TEST_F(ForeignLayersTest, RefusesBitsAndBytesWithFourBits) {
  ExpectSettingRefused(kBitsAndBytes, "load_in_8bit", false);
  ExpectSettingRefused(kBitsAndBytes, "load_in_4bit", true);
}
TEST_F(ForeignLayersTest, RefusesBitsAndBytesWithFloatWeights) {
  ExpectSettingRefused(kBitsAndBytes, "llm_int8_has_fp16_weight", true);
}
TEST_F(ForeignLayersTest, RefusesMissingLargestValues) {
  ExpectBitsAndBytesRefused("SCB", Rename, {"\"m.fc.weight\"", "no \"m.fc.SCB\" to go with it"});
}
TEST_F(ForeignLayersTest, RefusesLargestValuesWithoutWeights) {
  ExpectBitsAndBytesRefused("weight", Rename, {"\"m.fc.SCB\"", "no \"m.fc.weight\" of dtype I8"});
}
TEST_F(ForeignLayersTest, RefusesLargestValuesOfAnotherShape) {
  ExpectBitsAndBytesRefused("SCB", [](TestTensor& t) { t.shape = {4, 1}; }, {"\"m.fc.SCB\"", "F32 [4, 1]", "F32 [4]"});
}
TEST_F(ForeignLayersTest, RefusesWeightsForTensorCores) {
  ExpectBitsAndBytesRefused("weight_format", [](TestTensor& t) { t.bytes = "\x02"; },
                            {"\"m.fc.weight_format\"", "row-major"});
}
TEST_F(ForeignLayersTest, RefusesFlatBitsAndBytesWeights) {
  ExpectBitsAndBytesRefused("weight", [](TestTensor& t) { t.shape = {kOut * kIn}; }, {"I8 [32]", "[out_features"});
}

TEST_F(ForeignLayersTest, RefusesGptqInFourBits) { ExpectSettingRefused(kGptq, "bits", 4); }
TEST_F(ForeignLayersTest, RefusesGptqInGroups) { ExpectSettingRefused(kGptq, "group_size", 128); }
TEST_F(ForeignLayersTest, RefusesAsymmetricGptq) { ExpectSettingRefused(kGptq, "sym", false); }
TEST_F(ForeignLayersTest, RefusesReorderedGptq) { ExpectSettingRefused(kGptq, "desc_act", true); }
TEST_F(ForeignLayersTest, RefusesGptqWithExceptions) {
  ExpectSettingRefused(kGptq, "dynamic", {{"-:lm_head", Json::object()}});
}
TEST_F(ForeignLayersTest, RefusesOtherFormsOfGptq) { ExpectSettingRefused(kGptq, "checkpoint_format", "marlin"); }
TEST_F(ForeignLayersTest, RefusesGptqInOtherWords) { ExpectSettingRefused(kGptq, "pack_dtype", "int8"); }
TEST_F(ForeignLayersTest, RefusesAZeroPointThatIsNotTheMiddle) {
  ExpectGptqRefused("qzeros", [](TestTensor& t) { t.bytes[2] = 100; },
                    {"\"m.fc.qzeros\"", "output channel 2 has the zero point 101", "symmetric weights have 128"});
}
TEST_F(ForeignLayersTest, RefusesZeroPointsOfAnotherShape) {
  ExpectGptqRefused("qzeros", [](TestTensor& t) { t.shape = {1}; }, {"\"m.fc.qzeros\"", "I32 [1]", "I32 [1, 1]"});
}
TEST_F(ForeignLayersTest, RefusesGptqWithoutScales) {
  ExpectGptqRefused("scales", Rename, {"\"m.fc.qweight\"", "no \"m.fc.scales\""});
}
TEST_F(ForeignLayersTest, RefusesGptqWithoutWeights) {
  ExpectGptqRefused("qweight", Rename, {"\"m.fc.qzeros\"", "no \"m.fc.qweight\""});
}
TEST_F(ForeignLayersTest, RefusesSeveralScalesForOneChannel) {
  ExpectGptqRefused("scales", [](TestTensor& t) { t.shape = {2, 2}; }, {"F16 [2, 2]", "group_size -1"});
}
TEST_F(ForeignLayersTest, RefusesSeveralGroups) {
  ExpectGptqRefused("g_idx", [](TestTensor& t) { t.bytes[5] = 1; }, {"\"m.fc.g_idx\"", "several groups"});
}
TEST_F(ForeignLayersTest, RefusesGroupsOfAnotherShape) {
  ExpectGptqRefused("g_idx", [](TestTensor& t) { t.shape = {1, kIn}; }, {"\"m.fc.g_idx\"", "I32 [8]"});
}
TEST_F(ForeignLayersTest, RefusesGptqWeightsOfAnotherDtype) {
  ExpectGptqRefused("qweight", [](TestTensor& t) { t.dtype = "F32"; }, {"F32 [2, 4]", "I32 [in_features / 4"});
}

}  // namespace
}  // namespace w8a16
