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
    EXPECT_THAT(Keys(layer), ::testing::IsSupersetOf({"name", "out_features", "in_features", "sqnr_db"}));
    EXPECT_GT(layer["sqnr_db"], 30.0);
    EXPECT_GT(layer["outlier_ratio"], 1.0);
    EXPECT_LE(layer["scale_min"], layer["scale_median"]);
    EXPECT_LE(layer["scale_median"], layer["scale_max"]);
    EXPECT_LT(layer["bytes_after"], layer["bytes_before"]);
  }
  EXPECT_EQ(report["ignored"], Json({"lm_head"}));
  EXPECT_EQ(report["ignored_reasons"], Json({{"lm_head", "output head (--no-default-ignore quantizes it)"}}));

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
  const ProcessResult result = W8A16({"quantize", model.path(), scratch / "out", "--ignore", "no_such_layer",
                                      "--ignore", "gate_prj", "--ignore", "re:mlp"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("warning: --ignore no_such_layer matches no linear layer of this model\n"));
  EXPECT_THAT(result.err, HasSubstr("warning: --ignore gate_prj matches no linear layer of this model; the nearest "
                                    "names are gate_proj"));
  EXPECT_THAT(result.err, HasSubstr("\"re:.*mlp\" would select model.layers.0.mlp."));
}

TEST(Quantize, OnlyWhatIsAskedFor) {
  const TinyModel model;
  const TempDir scratch;
  const Json report = W8A16Json({"quantize", model.path(), scratch / "out", "--only", "re:.*mlp", "--only", "q_proj",
                                 "--ignore", "model.layers.1.mlp.up_proj"});
  EXPECT_EQ(report["layers"].size(), 3 + 2 + 2);
  EXPECT_EQ(report["ignored_reasons"]["model.layers.0.self_attn.k_proj"], "not selected by --only");
  EXPECT_EQ(report["ignored_reasons"]["model.layers.1.mlp.up_proj"], "--ignore model.layers.1.mlp.up_proj");
  EXPECT_EQ(ReadJson(scratch / "out" / "config.json")["quantization_config"]["ignore"], report["ignored"]);
  EXPECT_EQ(W8A16({"inspect", scratch / "out", "--verify"}).exit_code, 0);
  ExpectFailure(W8A16({"quantize", model.path(), scratch / "none", "--only", "gate_prj"}),
                {"no linear layer is left", "--only gate_prj matches nothing", "gate_proj"});
  EXPECT_THAT(Listing(scratch.path()), ::testing::ElementsAre("out"));
}

TEST(Quantize, DryRunSaysWhatWouldHappen) {
  const TinyModel model;
  const TempDir scratch;
  const ProcessResult table = W8A16({"quantize", model.path(), scratch / "out", "--dry-run", "--ignore", "up_proj"});
  EXPECT_EQ(table.exit_code, 0);
  EXPECT_THAT(table.out, ::testing::ContainsRegex("model.layers.0.mlp.up_proj.weight .* keep .* --ignore up_proj"));
  EXPECT_THAT(table.out, ::testing::ContainsRegex("model.layers.0.mlp.down_proj.weight .* quantize "));
  EXPECT_THAT(table.out, ::testing::ContainsRegex("lm_head.weight .* keep .* output head"));
  EXPECT_THAT(table.out, HasSubstr("Nothing was written."));
  EXPECT_THAT(Listing(scratch.path()), ::testing::IsEmpty());

  const std::vector<std::string> options = {"--max-shard-size", "20KB", "--format", "int-quantized"};
  std::vector<std::string> dry = {"quantize", model.path(), "--dry-run"};
  dry.insert(dry.end(), options.begin(), options.end());
  std::vector<std::string> wet = {"quantize", model.path(), scratch / "out"};
  wet.insert(wet.end(), options.begin(), options.end());
  const Json plan = W8A16Json(dry);
  const Json report = W8A16Json(wet);
  EXPECT_EQ(plan["bytes_before"], report["bytes_before"]);
  EXPECT_EQ(plan["bytes_after"], report["bytes_after"]);
  ASSERT_GT(plan["files"].size(), 1);
  for (const Json& file : plan["files"]) {
    EXPECT_EQ(file["bytes"], std::filesystem::file_size(scratch / "out" / file["file"].get<std::string>()));
  }
  std::map<std::string, std::string> planned;
  for (const Json& tensor : plan["tensors"]) {
    for (const Json& made : tensor["made"]) planned[made["name"]] = tensor["file"];
  }
  const auto written = ReadJson(scratch / "out" / "model.safetensors.index.json")["weight_map"];
  EXPECT_EQ(planned, (written.get<std::map<std::string, std::string>>()));
}

TEST(Quantize, BothFormatsGiveTheSameLogits) {
  const TinyModel model;
  const TempDir scratch;
  std::string packed;
  for (const char* format : {"pack-quantized", "int-quantized"}) {
    ASSERT_EQ(
        W8A16({"quantize", model.path(), scratch / format, "--format", format, "--max-shard-size", "30KB"}).exit_code,
        0);
    for (const char* dtype : {"f32", "bf16"}) {
      const ProcessResult logits =
          W8A16({"logits", scratch / format, "--prompt-ids", "1,17,93,4,4", "--dtype", dtype, "--json"});
      ASSERT_EQ(logits.exit_code, 0) << logits.err;
      std::ofstream(scratch / (std::string(format) + dtype)) << logits.out;
    }
  }
  for (const char* dtype : {"f32", "bf16"}) {
    const std::string logits = ReadTextFile(scratch / (std::string("pack-quantized") + dtype));
    EXPECT_GT(logits.size(), 1000U);
    EXPECT_EQ(logits, ReadTextFile(scratch / (std::string("int-quantized") + dtype)));
  }
}

TEST(Quantize, SizesOfWeightFiles) {
  ExpectWrongUsage(W8A16({"quantize", "a", "b", "--max-shard-size", "big"}), {"--max-shard-size", "5GB"});
  ExpectWrongUsage(W8A16({"quantize", "a", "b", "--max-shard-size", "0"}), {"--max-shard-size", "positive"});
  ExpectWrongUsage(W8A16({"quantize", "a"}), {"DST", "--dry-run"});
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
