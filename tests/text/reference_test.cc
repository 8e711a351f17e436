#include <gtest/gtest.h>

#include "text/tokenizer.h"
#include "text/utf8.h"
#include "text/vectors.h"

namespace w8a16 {
namespace {

// Made by the scripts in tools/tokenizer_vectors: by SentencePiece's library for its models, and for the others by
// plain Python written from the published definitions.
class Reference : public ::testing::TestWithParam<const char*> {};

TEST_P(Reference, GivesTheSameIds) {
  const auto directory = testing::TokenizerData(GetParam());
  const Tokenizer tokenizer = Tokenizer::Load(directory);
  const auto vectors = testing::ReadVectors(directory / "vectors.json");
  ASSERT_GT(vectors.size(), 200u);
  for (const auto& [text, ids] : vectors) EXPECT_EQ(tokenizer.Encode(text, false), ids) << text;
}

INSTANTIATE_TEST_SUITE_P(SentencePiece, Reference,
                         ::testing::Values("unigram-nfkc", "unigram-bytes", "unigram-suffix", "bpe-llama", "bpe-gemma",
                                           "bpe-rules"));
INSTANTIATE_TEST_SUITE_P(ByteLevel, Reference, ::testing::Values("gpt2-files", "qwen2-files", "llama3-json"));
INSTANTIATE_TEST_SUITE_P(WordPiece, Reference, ::testing::Values("word-piece", "word-piece-cased"));

}  // namespace
}  // namespace w8a16
