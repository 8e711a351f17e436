#include "cli/command.h"

namespace w8a16::testing {
namespace {

using ::testing::HasSubstr;

TEST(Dequantize, GivesAPlainCheckpointThatRuns) {
  const TinyModel model;
  const TempDir scratch;
  ASSERT_EQ(W8A16({"quantize", model.path(), scratch / "q"}).exit_code, 0);
  const Json report = W8A16Json({"dequantize", scratch / "q", scratch / "plain", "--dtype", "bf16"});
  EXPECT_EQ(report["layers"].size(), 14);
  EXPECT_EQ(report["bytes_before"], W8A16Json({"quantize", model.path(), scratch / "again"})["bytes_after"]);
  const Json config = ReadJson(scratch / "plain" / "config.json");
  EXPECT_FALSE(config.contains("quantization_config"));
  EXPECT_EQ(config["torch_dtype"], "bfloat16");
  for (const TestTensor& tensor : ReadTensors(scratch / "plain" / "model.safetensors")) EXPECT_EQ(tensor.dtype, "BF16");
  EXPECT_EQ(W8A16({"inspect", "--verify", scratch / "plain"}).exit_code, 0);
  EXPECT_EQ(W8A16({"logits", scratch / "plain", "--prompt-ids", "1,2", "--weights", "original"}).exit_code, 0);
}

TEST(Dequantize, KeepsTheFloatLayersOfAModel) {
  // In float32, what a float kernel computes with the products is what the quantized layers stand for.
  const TinyModel model;
  const TempDir scratch;
  ASSERT_EQ(W8A16({"quantize", model.path(), scratch / "q"}).exit_code, 0);
  const ProcessResult result = W8A16({"dequantize", scratch / "q", scratch / "plain"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("14 linear layers are float again"));
  EXPECT_EQ(result.err, "");
  std::vector<std::vector<float>> logits;
  for (const char* directory : {"q", "plain"}) {
    const Json rows = W8A16Json({"logits", scratch / directory, "--prompt-ids", "1,5,9"})["logits"];
    std::vector<float>& all = logits.emplace_back();
    for (const Json& row : rows) {
      for (const Json& value : row) all.push_back(value.get<float>());
    }
  }
  EXPECT_LT(RelativeError(logits[0], logits[1]), 1e-4);
}

TEST(Dequantize, DryRunWritesNothing) {
  const TinyModel model;
  const TempDir scratch;
  ASSERT_EQ(W8A16({"quantize", model.path(), scratch / "q"}).exit_code, 0);
  const Json plan = W8A16Json({"dequantize", scratch / "q", "--dry-run"});
  EXPECT_EQ(std::count_if(plan["tensors"].begin(), plan["tensors"].end(),
                          [](const Json& tensor) { return tensor["action"] == "dequantize"; }),
            14);
  EXPECT_THAT(Listing(scratch.path()), ::testing::ElementsAre("q"));
}

TEST(Dequantize, WrongUsage) {
  ExpectWrongUsage(W8A16({"dequantize", "a"}), {"DST", "--dry-run"});
  ExpectWrongUsage(W8A16({"dequantize", "a", "b", "--dtype", "int8"}), {"--dtype", "bf16"});
  const TinyModel model;
  const TempDir scratch;
  ExpectFailure(W8A16({"dequantize", model.path(), scratch / "out"}), {"config.json", "not quantized"});
}

}  // namespace
}  // namespace w8a16::testing
