#include "cli/command.h"

namespace w8a16::testing {
namespace {

TEST(Eval, JsonDocument) {
  const TinyModel model;
  WriteFile(model / "texts.json", R"(["To be", "or not"])");
  const Json result = W8A16Json({"eval", model.path(), "--documents", model / "texts.json"});
  EXPECT_EQ(Keys(result), (std::vector<std::string>{"perplexity", "tokens", "documents"}));
  EXPECT_EQ(result["tokens"], 5 + 6);  // <s> is given, all characters are predicted
  EXPECT_EQ(result["documents"], 2);
  EXPECT_GT(result["perplexity"], 1.0);
}

TEST(Eval, BosIsAddedWhereTheTokenizerDoesNot) {
  const TinyModel model;
  WriteFile(model / "text.txt", "To be");
  const std::vector<std::string> command = {"eval", model.path(), "--documents", model / "text.txt"};
  const Json with = W8A16Json(command);
  Json tokenizer = Json::parse(TinyTokenizer());
  tokenizer["post_processor"] = nullptr;
  WriteFile(model / "tokenizer.json", tokenizer.dump());
  EXPECT_EQ(W8A16Json(command), with);
  // A model without BOS: the first token is given.
  model.ChangeConfig([](Json& config) { config["bos_token_id"] = nullptr; });
  EXPECT_EQ(W8A16Json(command)["tokens"], 4);
}

TEST(Eval, AgainstTheOriginal) {
  const TinyModel model;
  WriteFile(model / "texts.json", R"(["To be or not to be", "that is the question"])");
  const std::vector<std::string> command = {"eval",      model.path(), "--documents", model / "texts.json",
                                            "--against", model.path()};
  const Json same = W8A16Json(command);
  EXPECT_EQ(same["kl_divergence"], 0.0);
  EXPECT_EQ(same["top1_agreement"], 1.0);
  std::vector<std::string> quantized = command;
  quantized.insert(quantized.end(), {"--weights", "w8a16"});
  const Json different = W8A16Json(quantized);
  EXPECT_GT(different["kl_divergence"], 0.0);
  EXPECT_LT(different["kl_divergence"], 1e-2);

  const ProcessResult table = W8A16(command);
  EXPECT_THAT(table.out, ::testing::AllOf(::testing::HasSubstr("perplexity"), ::testing::HasSubstr("100.00%")));
}

TEST(Eval, BadDocuments) {
  const TinyModel model;
  const auto eval = [&](const std::string& name) { return W8A16({"eval", model.path(), "--documents", model / name}); };
  ExpectFailure(eval("missing.json"), {"missing.json"});
  WriteFile(model / "broken.json", R"(["a")");
  ExpectFailure(eval("broken.json"), {"broken.json"});
  WriteFile(model / "object.json", R"({"text": "a"})");
  ExpectFailure(eval("object.json"), {"object.json", "list of strings"});
  WriteFile(model / "none.json", "[]");
  ExpectFailure(eval("none.json"), {"none.json"});
  WriteFile(model / "empty.txt", "\n");
  ExpectFailure(eval("empty.txt"), {"empty.txt"});
  WriteFile(model / "short.json", R"([""])");
  ExpectFailure(eval("short.json"), {"too short"});
}

TEST(Eval, WithoutTokenizer) {
  const TinyModel model;
  std::filesystem::remove(model / "tokenizer.json");
  WriteFile(model / "text.txt", "To be");
  ExpectFailure(W8A16({"eval", model.path(), "--documents", model / "text.txt"}), {"tokenizer.json"});
}

TEST(Eval, StoriesPerplexity) {
  const std::filesystem::path directory = StoriesDirectory();
  if (directory.empty()) GTEST_SKIP() << "the model stories260K is not here";
  const Json golden = ReadJson(directory / "golden.json")["perplexity"];
  const auto eval = [&](const std::string& weights) {
    const Json result = W8A16Json({"eval", directory, "--documents", directory / "stories.json", "--weights", weights});
    EXPECT_EQ(result["tokens"], golden["tokens"]);
    EXPECT_EQ(result["documents"], 20);
    return result["perplexity"].get<double>();
  };
  EXPECT_NEAR(eval("original") / golden["float32"].get<double>(), 1, 1e-6);
  EXPECT_NEAR(eval("w8a16") / golden["w8a16_except_lm_head"].get<double>(), 1, 1e-6);
}

}  // namespace
}  // namespace w8a16::testing
