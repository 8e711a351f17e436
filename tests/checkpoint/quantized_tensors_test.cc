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

// A layer "m.fc" of 2 x 5 in pack-quantized form, and a float layer "m.out".
std::vector<TestTensor> Packed() {
  return {{"m.fc.weight_packed", "I32", {2, 2}, std::string(16, '\x81')},
          {"m.fc.weight_scale", "F32", {2, 1}, Bytes<float>({0.5F, 0.25F})},
          {"m.fc.weight_shape", "I64", {2}, Bytes<int64_t>({2, 5})},
          {"m.out.weight", "F32", {1, 2}, Bytes<float>({1, 2})}};
}

std::vector<TestTensor> Plain() {
  return {{"m.fc.weight_scale", "BF16", {2}, std::string(4, '\x3F')},
          {"m.fc.weight", "I8", {2, 5}, std::string(10, '\x01')},
          {"m.out.weight", "F16", {1, 2}, std::string(4, '\0')}};
}

class QuantizedTensorsTest : public ::testing::Test {
 protected:
  Checkpoint Open(const std::vector<TestTensor>& tensors, QuantizedFormat format) {
    WriteTextFile(dir_ / "model.safetensors", SafetensorsBytes(tensors));
    WriteTextFile(dir_ / "config.json", JsonFileText(WithQuantizationConfig(Json::object(), {format, {}})));
    return Checkpoint::Open(dir_.path());
  }

  // `tensors` after `change`, which gets the one that `name` ends, are refused with these parts in the message.
  void ExpectRefused(std::vector<TestTensor> tensors, const std::string& name,
                     const std::function<void(TestTensor&)>& change, std::vector<std::string> parts) {
    for (TestTensor& tensor : tensors) {
      if (tensor.name == "m.fc." + name) change(tensor);
    }
    const bool packed = tensors[0].name == "m.fc.weight_packed";
    parts.push_back((dir_ / "model.safetensors").string());
    const Checkpoint checkpoint =
        Open(tensors, packed ? QuantizedFormat::kPackQuantized : QuantizedFormat::kIntQuantized);
    ExpectError([&] { checkpoint.FindQuantized("m.fc"); }, parts);
  }

  TempDir dir_;
};

void Rename(TestTensor& tensor) { tensor.name = "elsewhere"; }

TEST_F(QuantizedTensorsTest, FindsPackedWeights) {
  const Checkpoint checkpoint = Open(Packed(), QuantizedFormat::kPackQuantized);
  const auto found = checkpoint.FindQuantized("m.fc");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->encoding, Int8Encoding::kFlipped);
  EXPECT_EQ(found->out_features, 2);
  EXPECT_EQ(found->in_features, 5);
  EXPECT_EQ(found->row_stride, 8);
  EXPECT_EQ(found->weights.data, checkpoint.Get("m.fc.weight_packed").data);
  EXPECT_EQ(found->scales.data, checkpoint.Get("m.fc.weight_scale").data);
  EXPECT_EQ(found->scales.dtype, DType::kF32);
  EXPECT_EQ(LoadFloat(found->scales.data, DType::kF32, 1), 0.25F);
  EXPECT_FALSE(checkpoint.FindQuantized("m.out"));
  EXPECT_FALSE(checkpoint.FindQuantized("m.none"));
}

TEST_F(QuantizedTensorsTest, TakesAShapeOfI32AndFlatScales) {
  std::vector<TestTensor> tensors = Packed();
  tensors[1].shape = {2};
  tensors[2] = {"m.fc.weight_shape", "I32", {2}, Bytes<int32_t>({2, 5})};
  EXPECT_EQ(Open(tensors, QuantizedFormat::kPackQuantized).FindQuantized("m.fc")->in_features, 5);
}

TEST_F(QuantizedTensorsTest, FindsPlainWeights) {
  const Checkpoint checkpoint = Open(Plain(), QuantizedFormat::kIntQuantized);
  const auto found = checkpoint.FindQuantized("m.fc");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->encoding, Int8Encoding::kSigned);
  EXPECT_EQ(found->out_features, 2);
  EXPECT_EQ(found->in_features, 5);
  EXPECT_EQ(found->row_stride, 5);
  EXPECT_EQ(found->weights.data, checkpoint.Get("m.fc.weight").data);
  EXPECT_EQ(found->scales.dtype, DType::kBF16);
  EXPECT_FALSE(checkpoint.FindQuantized("m.out"));
}

TEST_F(QuantizedTensorsTest, FindsNothingInAFloatCheckpoint) {
  WriteTextFile(dir_ / "model.safetensors", SafetensorsBytes(Packed()));
  WriteTextFile(dir_ / "config.json", "{}");
  EXPECT_FALSE(Checkpoint::Open(dir_.path()).FindQuantized("m.fc"));
}

TEST_F(QuantizedTensorsTest, RefusesMissingParts) {
  ExpectRefused(Packed(), "weight_scale", Rename, {"\"m.fc.weight_packed\"", "no \"m.fc.weight_scale\""});
  ExpectRefused(Packed(), "weight_shape", Rename, {"\"m.fc.weight_packed\"", "no \"m.fc.weight_shape\""});
  ExpectRefused(Plain(), "weight_scale", Rename, {"\"m.fc.weight\"", "no \"m.fc.weight_scale\""});
}

TEST_F(QuantizedTensorsTest, RefusesPartsWithoutWeights) {
  std::vector<TestTensor> tensors = Packed();
  tensors.erase(tensors.begin());
  const Checkpoint orphan = Open(tensors, QuantizedFormat::kPackQuantized);
  ExpectError([&] { orphan.FindQuantized("m.fc"); }, {"\"m.fc.weight_scale\"", "no weight_packed", "pack-quantized"});
}

TEST_F(QuantizedTensorsTest, RefusesTheOtherFormat) {
  const Checkpoint packed = Open(Packed(), QuantizedFormat::kIntQuantized);
  ExpectError([&] { packed.FindQuantized("m.fc"); },
              {"\"m.fc.weight_packed\"", "no weight of dtype I8", "int-quantized"});
  const Checkpoint plain = Open(Plain(), QuantizedFormat::kPackQuantized);
  ExpectError([&] { plain.FindQuantized("m.fc"); }, {"\"m.fc.weight_scale\"", "no weight_packed", "pack-quantized"});
}

TEST_F(QuantizedTensorsTest, RefusesWeightsThatStandTwice) {
  std::vector<TestTensor> tensors = Packed();
  tensors.push_back({"m.fc.weight", "F32", {2, 5}, std::string(40, '\0')});
  ExpectRefused(tensors, "", {}, {"\"m.fc.weight\"", "\"m.fc.weight_packed\" holds the same weights"});
}

TEST_F(QuantizedTensorsTest, RefusesPartsOfOtherSchemes) {
  for (const char* part : {"weight_zero_point", "weight_g_idx", "input_scale", "weight_global_scale"}) {
    for (std::vector<TestTensor> tensors : {Packed(), Plain()}) {
      tensors.push_back({std::string("m.fc.") + part, "I32", {1}, std::string(4, '\0')});
      ExpectRefused(tensors, "", {}, {std::string("\"m.fc.") + part + "\"", "not supported", "w8a16 quantize"});
    }
  }
}

TEST_F(QuantizedTensorsTest, RefusesWrongShapesOfPackedWeights) {
  const std::vector<std::string> parts = {"\"m.fc.weight_packed\"", "weight_shape [2, 5] takes I32 [2, 2]"};
  ExpectRefused(
      Packed(), "weight_packed",
      [](TestTensor& t) {
        t.shape = {1, 4};
      },
      parts);
  ExpectRefused(
      Packed(), "weight_packed", [](TestTensor& t) { t.shape = {4}; }, parts);
  ExpectRefused(
      Packed(), "weight_packed", [](TestTensor& t) { t.dtype = "U32"; }, parts);
  ExpectRefused(
      Packed(), "weight_packed",
      [](TestTensor& t) {
        t.dtype = "I8";
        t.shape = {2, 8};
      },
      parts);
}

TEST_F(QuantizedTensorsTest, RefusesWrongSizesInWeightShape) {
  const auto expect = [this](int64_t out, int64_t in, const std::string& part) {
    ExpectRefused(Packed(), "weight_shape", [&](TestTensor& t) { t.bytes = Bytes<int64_t>({out, in}); }, {part});
  };
  expect(2, 4, "weight_shape [2, 4] takes I32 [2, 1]");
  expect(2, 9, "weight_shape [2, 9] takes I32 [2, 3]");
  expect(3, 5, "weight_shape [3, 5] takes I32 [3, 2]");
  expect(0, 5, "[0, 5]; sizes are positive");
  expect(2, 0, "[2, 0]; sizes are positive");
  expect(-2, 5, "[-2, 5]; sizes are positive");
  expect(2, INT64_MAX, "takes I32 [2, 2305843009213693952]");
}

TEST_F(QuantizedTensorsTest, RefusesAWeightShapeOfAnotherKind) {
  ExpectRefused(Packed(), "weight_shape", [](TestTensor& t) { t.dtype = "F64"; }, {"I64 or I32 [2], not F64 [2]"});
  ExpectRefused(Packed(), "weight_shape", [](TestTensor& t) { t.shape = {1, 2}; }, {"not I64 [1, 2]"});
}

TEST_F(QuantizedTensorsTest, RefusesPlainWeightsOfAnotherKind) {
  ExpectRefused(Plain(), "weight", [](TestTensor& t) { t.dtype = "U8"; }, {"\"m.fc.weight\"", "U8 [2, 5]", "I8"});
  ExpectRefused(Plain(), "weight", [](TestTensor& t) { t.shape = {10}; }, {"\"m.fc.weight\"", "I8 [10]"});
}

TEST_F(QuantizedTensorsTest, RefusesScalesOfAnotherKind) {
  const auto is = [](std::vector<int64_t> shape, const std::string& dtype) {
    return [shape, dtype](TestTensor& t) {
      t.shape = shape;
      t.dtype = dtype;
    };
  };
  const std::string expected = "one scale per output channel takes F32, F16 or BF16 [2, 1]";
  ExpectRefused(Packed(), "weight_scale", is({1, 2}, "F32"), {"\"m.fc.weight_scale\"", "F32 [1, 2]", expected});
  ExpectRefused(Packed(), "weight_scale", is({1}, "F64"), {"F64 [1]", expected});
  ExpectRefused(Packed(), "weight_scale", is({2, 1}, "I32"), {"I32 [2, 1]", expected});
  ExpectRefused(Packed(), "weight_scale", is({2, 2}, "BF16"), {"BF16 [2, 2]", expected});
  ExpectRefused(Plain(), "weight_scale", is({4}, "I8"), {"I8 [4]", expected});
}

}  // namespace
}  // namespace w8a16
