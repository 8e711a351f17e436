#include <gtest/gtest.h>

#include "testing/goldens.h"
#include "text/tokenizer.h"

namespace w8a16 {
namespace {

class Vectors : public ::testing::TestWithParam<const char*> {};

TEST_P(Vectors, EncodeAndDecode) {
  const auto directory = std::filesystem::path(W8A16_SHARED_DIR) / "tokenizers" / GetParam();
  if (!std::filesystem::exists(directory / "vectors.json")) GTEST_SKIP() << "no " << directory;
  const Tokenizer tokenizer = Tokenizer::Load(directory);
  const Json vectors = testing::ReadJson(directory / "vectors.json");
  ASSERT_GT(vectors.size(), 40u);
  for (const Json& vector : vectors) {
    const auto text = vector["text"].get<std::string>();
    const auto ids = vector["ids"].get<std::vector<int32_t>>();
    EXPECT_EQ(tokenizer.Encode(text, false), ids) << text;
    EXPECT_EQ(tokenizer.Decode(ids), text);
    StreamDecoder stream(tokenizer);
    std::string streamed;
    for (const int32_t id : ids) streamed += stream.Next(id);
    streamed += stream.Finish();
    EXPECT_EQ(streamed, text);
  }
}

INSTANTIATE_TEST_SUITE_P(Shared, Vectors, ::testing::Values("gpt2", "llama2"));

TEST(StoriesTokenizer, GivesTheIdsOfTheGoldenPrompts) {
  const auto directory = testing::StoriesDirectory();
  if (directory.empty()) GTEST_SKIP() << "no models/stories260K in " << W8A16_SHARED_DIR;
  const Tokenizer tokenizer = Tokenizer::Load(directory);
  EXPECT_EQ(tokenizer.vocab_size(), 512);
  EXPECT_EQ(tokenizer.TokenToId("<s>"), 1);
  const Json golden = testing::ReadJson(directory / "golden.json");
  for (const Json& generation : golden["generations"]) {
    const auto prompt = generation["prompt"].get<std::string>();
    const auto ids = generation["input_ids"].get<std::vector<int32_t>>();
    EXPECT_EQ(tokenizer.Encode(prompt, true), ids);
    EXPECT_EQ(tokenizer.Decode(ids), prompt);
    EXPECT_EQ(tokenizer.Decode(ids, false), "<s> " + prompt);
  }
  for (const Json& story : testing::ReadJson(directory / "stories.json")) {
    const auto text = story.get<std::string>();
    EXPECT_EQ(tokenizer.Decode(tokenizer.Encode(text, false)), text);
  }
}

}  // namespace
}  // namespace w8a16
