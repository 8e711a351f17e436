#include "cli/command.h"

namespace w8a16::testing {
namespace {

class Demo : public ::testing::Test {
 protected:
  void SetUp() override {
    WriteFile(model_ / "held_back.json", R"(["To be, or not to be, that is the question: whether", "to sleep"])");
  }
  // The directory for temporary files must be empty again.
  ProcessResult Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "demo");
    ProcessResult result = W8A16(arguments, {"TMPDIR=" + scratch_.path().string()});
    EXPECT_THAT(Listing(scratch_.path()), ::testing::IsEmpty());
    return result;
  }
  TinyModel model_;
  TempDir scratch_;
};

TEST_F(Demo, JsonDocument) {
  const ProcessResult result = Run({model_.path(), "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json json = Json::parse(result.out);
  EXPECT_EQ(json["layers"], 14);
  EXPECT_LT(json["bytes_after"], json["bytes_before"]);
  EXPECT_LE(json["worst_sqnr_db"], json["median_sqnr_db"]);
  EXPECT_EQ(json["prompt"], "To be, or not to be, that is");
  for (const char* side : {"before", "after"}) {
    EXPECT_GT(json[side]["perplexity"], 1.0);
    EXPECT_GT(json[side]["prefill_tokens_per_second"], 0.0);
    EXPECT_GT(json[side]["decode_tokens_per_second"], 0.0);
    EXPECT_GT(json[side]["weight_bytes"], 0);
  }
  EXPECT_EQ(json["before"]["ids"] == json["after"]["ids"], json["first_difference"].is_null());
}

TEST_F(Demo, PeopleGetTables) {
  const ProcessResult result = Run({model_.path(), "--prompt", "Whether"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  for (const char* part :
       {"before", "after", "perplexity", "decode, tokens/s", "SQNR, worst layer", "Prompt: Whether", "The texts"}) {
    EXPECT_THAT(result.out, ::testing::HasSubstr(part));
  }
}

TEST_F(Demo, MissingParts) {
  ExpectFailure(Run({"/nonexistent/model"}), {"/nonexistent/model"});
  std::filesystem::remove(model_ / "held_back.json");
  ExpectFailure(Run({model_.path()}), {"held_back.json"});
}

// The temporary directory goes away after an error, too.
TEST_F(Demo, QuantizedModel) {
  const TempDir out;
  ASSERT_EQ(W8A16({"quantize", model_.path(), out / "q"}).exit_code, 0);
  ExpectFailure(Run({out / "q"}), {"quantized"});
}

}  // namespace
}  // namespace w8a16::testing
