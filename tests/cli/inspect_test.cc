#include "cli/command.h"

namespace w8a16::testing {
namespace {

TEST(Inspect, JsonDocument) {
  const TinyModel model;
  const Json result = W8A16Json({"inspect", model.path()});
  EXPECT_EQ(result["problems"], Json::array());
  const std::vector<TestTensor> tensors = ReadTensors(model / "model.safetensors");
  ASSERT_EQ(result["tensors"].size(), tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Json& tensor = result["tensors"][i];
    EXPECT_EQ(tensor["name"], tensors[i].name);
    EXPECT_EQ(tensor["dtype"], tensors[i].dtype);
    EXPECT_EQ(tensor["shape"], Json(tensors[i].shape));
    EXPECT_EQ(tensor["bytes"], tensors[i].bytes.size());
    EXPECT_EQ(tensor["quantized"], false);
  }
  // One file by itself, config or not.
  EXPECT_EQ(W8A16Json({"inspect", model / "model.safetensors"})["tensors"].size(), tensors.size());
}

TEST(Inspect, SaysWhatIsQuantized) {
  const TinyModel model;
  for (const char* format : {"pack-quantized", "int-quantized"}) {
    const TempDir scratch;
    ASSERT_EQ(W8A16({"quantize", model.path(), scratch / "out", "--format", format}).exit_code, 0);
    const Json result = W8A16Json({"inspect", scratch / "out", "--verify"});
    int quantized = 0;
    for (const Json& tensor : result["tensors"]) quantized += tensor["quantized"].get<bool>() ? 1 : 0;
    EXPECT_EQ(quantized, 14);
    EXPECT_EQ(result["problems"], Json::array());
  }
}

TEST(Inspect, PeopleGetATable) {
  const TinyModel model;
  const ProcessResult result = W8A16({"inspect", model.path(), "--verify"});
  EXPECT_EQ(result.exit_code, 0);
  for (const char* part : {"lm_head.weight", "F32", "[160, 64]", "40960", "tensors, ", "No problems found."}) {
    EXPECT_THAT(result.out, ::testing::HasSubstr(part));
  }
}

TEST(Inspect, VerifyFindsWhatIsWrongWithAQuantizedLayer) {
  const TinyModel model;
  const TempDir scratch;
  const std::filesystem::path out = scratch / "out";
  ASSERT_EQ(W8A16({"quantize", model.path(), out}).exit_code, 0);
  std::vector<TestTensor> tensors = ReadTensors(out / "model.safetensors");
  std::erase_if(tensors, [](const TestTensor& t) { return t.name == "model.layers.0.mlp.up_proj.weight_scale"; });
  WriteFile(out / "model.safetensors", SafetensorsBytes(tensors));
  const ProcessResult result = W8A16({"inspect", out, "--verify"});
  ExpectFailure(result, {"problem"});
  EXPECT_THAT(result.out, ::testing::HasSubstr("model.layers.0.mlp.up_proj"));
}

TEST(Inspect, BrokenFile) {
  const TempDir scratch;
  WriteFile(scratch / "a.safetensors", "short");
  ExpectFailure(W8A16({"inspect", scratch / "a.safetensors"}), {"a.safetensors"});
  const ProcessResult verified = W8A16({"inspect", scratch / "a.safetensors", "--verify", "--json"});
  EXPECT_EQ(verified.exit_code, 1);
  EXPECT_EQ(Json::parse(verified.out)["problems"].size(), 1);
}

}  // namespace
}  // namespace w8a16::testing
