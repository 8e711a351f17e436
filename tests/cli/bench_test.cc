#include "cli/command.h"

namespace w8a16::testing {
namespace {

TEST(Bench, LinearDocument) {
  const Json result =
      W8A16Json({"bench", "linear", "--m", "1,3", "--n", "64", "--k", "96", "--dtype", "f16", "--threads", "1"},
                {"W8A16_ISA=ref"});
  EXPECT_EQ(result["threads"], 1);
  EXPECT_GT(result["read_bytes_per_second"], 1e8);
  EXPECT_GT(result["peak_flops_per_second"], 1e7);
  ASSERT_EQ(result["results"].size(), 2);
  const Json& second = result["results"][1];
  EXPECT_EQ(Keys(second),
            (std::vector<std::string>{"m", "n", "k", "dtype", "isa", "seconds", "flops_per_second",
                                      "weight_bytes_per_second", "read_bytes_per_second", "peak_flops_per_second"}));
  EXPECT_EQ(second["m"], 3);
  EXPECT_EQ(second["n"], 64);
  EXPECT_EQ(second["k"], 96);
  EXPECT_EQ(second["dtype"], "f16");
  EXPECT_EQ(second["isa"], "ref");
  const auto seconds = second["seconds"].get<double>();
  EXPECT_DOUBLE_EQ(second["flops_per_second"], 2.0 * 3 * 64 * 96 / seconds);
  EXPECT_DOUBLE_EQ(second["weight_bytes_per_second"], 64 * 96 / seconds);
}

TEST(Bench, LinearThatDoesNotFitMemory) {
  ExpectFailure(W8A16({"bench", "linear", "--m", "1000000000000000", "--n", "100000"}), {"--m"});
}

TEST(Bench, ModelDocument) {
  const TinyModel model;
  const Json result = W8A16Json({"bench", "model", model.path(), "--prompt-tokens", "256", "--new-tokens", "8"});
  for (const char* key : {"threads", "prefill_tokens_per_second", "decode_tokens_per_second", "load_seconds",
                          "first_token_seconds", "peak_resident_bytes"}) {
    EXPECT_GT(result[key].get<double>(), 0) << key;
  }
  EXPECT_GT(result["first_token_seconds"], result["load_seconds"]);
  EXPECT_EQ(result["decode_start"], 248);  // the model has 256 positions
}

TEST(Bench, ModelTooSmallForThePrompt) {
  const TinyModel model;
  ExpectFailure(W8A16({"bench", "model", model.path(), "--prompt-tokens", "512"}), {"512", "256"});
}

TEST(Bench, PromptFitsTheModelByDefault) {
  const TinyModel model;
  EXPECT_EQ(W8A16Json({"bench", "model", model.path(), "--new-tokens", "8"})["prompt_tokens"], 256);
}

}  // namespace
}  // namespace w8a16::testing
