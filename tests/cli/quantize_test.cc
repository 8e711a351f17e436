#include "cli/command.h"

namespace w8a16::testing {
namespace {

using ::testing::HasSubstr;

TEST(Quantize, JsonDocument) {
  const TinyModel model;
  const TempDir scratch;
  const Json report = W8A16Json({"quantize", model.path(), scratch / "out"});
  EXPECT_THAT(Keys(report), ::testing::IsSupersetOf({"bytes_before", "bytes_after", "seconds", "layers", "ignored"}));
  ASSERT_EQ(report["layers"].size(), 14);  // seven in each of two blocks
  for (const Json& layer : report["layers"]) {
    EXPECT_EQ(Keys(layer), (std::vector<std::string>{"name", "out_features", "in_features", "sqnr_db"}));
    EXPECT_GT(layer["sqnr_db"], 30.0);
  }
  EXPECT_EQ(report["ignored"], Json({"lm_head"}));

  uint64_t before = 0;
  for (const TestTensor& tensor : ReadTensors(model / "model.safetensors")) before += tensor.bytes.size();
  uint64_t after = 0;
  for (const TestTensor& tensor : ReadTensors(scratch / "out" / "model.safetensors")) after += tensor.bytes.size();
  EXPECT_EQ(report["bytes_before"], before);
  EXPECT_EQ(report["bytes_after"], after);
  EXPECT_LT(after, before / 2);
}

TEST(Quantize, PeopleGetATable) {
  const TinyModel model;
  const TempDir scratch;
  const ProcessResult result = W8A16({"quantize", model.path(), scratch / "out"});
  EXPECT_EQ(result.exit_code, 0);
  for (const char* part : {"bytes before", "bytes after", "smaller", "SQNR, worst layer", "lm_head"}) {
    EXPECT_THAT(result.out, HasSubstr(part));
  }
  EXPECT_EQ(result.err, "");  // no progress bar where nobody watches
  EXPECT_THAT(Listing(scratch / "out"), ::testing::ElementsAre("config.json", "model.safetensors", "tokenizer.json"));
  EXPECT_EQ(W8A16({"inspect", scratch / "out", "--verify"}).exit_code, 0);
}

TEST(Quantize, IgnoredLayersStayFloat) {
  const TinyModel model;
  const TempDir scratch;
  const Json report = W8A16Json({"quantize", model.path(), scratch / "out", "--ignore", "down_proj", "--ignore",
                                 "re:model.layers.0.self_attn.*", "--ignore", "no_such_layer"});
  EXPECT_EQ(report["layers"].size(), 14 - 2 - 4);
  EXPECT_EQ(report["ignored"].size(), 1 + 2 + 4);
  EXPECT_EQ(report["unmatched"], Json({"no_such_layer"}));
}

TEST(Quantize, WarnsOfPatternsWithoutMatch) {
  const TinyModel model;
  const TempDir scratch;
  const ProcessResult result = W8A16({"quantize", model.path(), scratch / "out", "--ignore", "no_such_layer"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("warning: --ignore no_such_layer"));
}

TEST(Quantize, MalformedPattern) {
  const TinyModel model;
  const TempDir scratch;
  ExpectFailure(W8A16({"quantize", model.path(), scratch / "out", "--ignore", "re:("}), {"re:("});
  EXPECT_THAT(Listing(scratch.path()), ::testing::IsEmpty());
}

TEST(Quantize, HeadOnRequest) {
  const TinyModel model;
  const TempDir scratch;
  const Json report = W8A16Json({"quantize", model.path(), scratch / "out", "--no-default-ignore"});
  EXPECT_EQ(report["layers"].size(), 15);
  EXPECT_EQ(report["ignored"], Json::array());
}

TEST(Quantize, WeightsInOtherFormatsAreNotCopied) {
  const TinyModel model;
  WriteFile(model / "pytorch_model.bin", "weights");
  WriteFile(model / "LICENSE", "terms");
  const TempDir scratch;
  const ProcessResult result = W8A16({"quantize", model.path(), scratch / "out"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("warning: pytorch_model.bin"));
  EXPECT_THAT(Listing(scratch / "out"),
              ::testing::ElementsAre("LICENSE", "config.json", "model.safetensors", "tokenizer.json"));
}

TEST(Quantize, DestinationThatIsNotEmpty) {
  const TinyModel model;
  const TempDir scratch;
  std::filesystem::create_directory(scratch / "out");
  WriteFile(scratch / "out" / "notes.txt", "mine");
  ExpectFailure(W8A16({"quantize", model.path(), scratch / "out"}), {"out", "--force"});
  EXPECT_THAT(Listing(scratch / "out"), ::testing::ElementsAre("notes.txt"));

  WriteFile(scratch / "out" / "model-00001-of-00002.safetensors", "old");
  EXPECT_EQ(W8A16({"quantize", model.path(), scratch / "out", "--force"}).exit_code, 0);
  EXPECT_THAT(Listing(scratch / "out"),
              ::testing::ElementsAre("config.json", "model.safetensors", "notes.txt", "tokenizer.json"));
}

TEST(Quantize, DestinationEqualToSource) {
  const TinyModel model;
  const std::vector<std::string> before = Listing(model.path());
  ExpectFailure(W8A16({"quantize", model.path(), model.path(), "--force"}), {model.path()});
  EXPECT_EQ(Listing(model.path()), before);
}

}  // namespace
}  // namespace w8a16::testing
