#include "text/sentencepiece_file.h"

#include <random>

#include "testing/files.h"
#include "text/sentencepiece_files.h"
#include "text/vectors.h"

namespace w8a16 {
namespace {

using testing::BytesField;
using testing::ExpectError;
using testing::FloatField;
using testing::PieceField;
using testing::VarintField;
using Type = SentencePieceFile::PieceType;

SentencePieceFile Parse(const std::string& bytes) { return SentencePieceFile::Parse(bytes, "DIR/tokenizer.model"); }

TEST(SentencePieceFile, ReadsWhatIsThere) {
  const std::string unk = PieceField("<unk>", 0, 2);
  const auto plain = Parse(unk);
  EXPECT_EQ(plain.model_type, SentencePieceFile::ModelType::kUnigram);
  EXPECT_TRUE(plain.add_dummy_prefix && plain.remove_extra_whitespaces && plain.escape_whitespaces);
  EXPECT_FALSE(plain.byte_fallback || plain.treat_whitespace_as_suffix);
  EXPECT_EQ(plain.bos_piece, "<s>");

  const auto file = Parse(
      PieceField("é", -2.5, 1) + unk + PieceField("x", 1, 4) +
      BytesField(
          2, VarintField(3, 2) + VarintField(24, 1) + VarintField(35, 1) + BytesField(46, "B") + VarintField(4, 9)) +
      BytesField(3, BytesField(2, std::string("a\0b", 3)) + VarintField(3, 0) + VarintField(4, 0) + VarintField(5, 0)) +
      BytesField(4, "ignored") + FloatField(77, 1) +
      "\xF1\x04"
      "12345678");
  ASSERT_EQ(file.pieces.size(), 3u);
  EXPECT_EQ(file.pieces[0].text, "é");
  EXPECT_EQ(file.pieces[0].score, -2.5f);
  EXPECT_EQ(file.pieces[2].type, Type::kUserDefined);
  EXPECT_EQ(file.unk_id(), 1);
  EXPECT_EQ(file.model_type, SentencePieceFile::ModelType::kBpe);
  EXPECT_TRUE(file.byte_fallback && file.treat_whitespace_as_suffix);
  EXPECT_FALSE(file.add_dummy_prefix || file.remove_extra_whitespaces || file.escape_whitespaces);
  EXPECT_EQ(file.precompiled_charsmap, std::string("a\0b", 3));
  EXPECT_EQ(file.bos_piece, "B");
}

TEST(SentencePieceFile, RefusesWhatIsMalformed) {
  const std::string unk = PieceField("<unk>", 0, 2);
  const auto refuse = [](const std::string& bytes, const std::string& reason) {
    ExpectError([&] { Parse(bytes); },
                {"DIR/tokenizer.model: is not a SentencePiece model: " + reason, "get the file again"});
  };
  refuse("", "it has no pieces");
  refuse(PieceField("a", 0, 1), "it has 0 unknown pieces instead of one");
  refuse(unk + unk, "it has 2 unknown pieces instead of one");
  refuse(PieceField("", 0, 1), "a piece has no text");
  refuse(PieceField("a\xFF", 0, 1), "a text is not UTF-8: a\uFFFD");
  refuse(PieceField("a", std::numeric_limits<float>::quiet_NaN(), 1), "the score of \"a\" is not finite");
  refuse(PieceField("a", 0, 7), "the type of a piece is 7, an unknown value");
  refuse(PieceField("a", 0, 0), "the type of a piece is 0, an unknown value");
  refuse(unk + BytesField(2, VarintField(3, 5)), "model_type is 5, an unknown value");
  refuse(unk + VarintField(2, 1), "field 2 has the wire type 0 instead of 2");
  refuse(BytesField(1, FloatField(1, 0)), "field 1 has the wire type 5 instead of 2");
  refuse(BytesField(1, BytesField(2, "abcd")), "field 2 has the wire type 2 instead of 5");
  refuse(unk + BytesField(3, BytesField(3, "")), "field 3 has the wire type 2 instead of 0");
  refuse("\x0B", "a field has the wire type 3");
  refuse("\x0A\x7F", "it ends inside a field");
  refuse("\x0A", "it ends inside a field");
  refuse("\x0D\x01", "it ends inside a field");
  refuse(std::string(11, '\xFF'), "a number of more than ten bytes");
  ExpectError([] { Parse("version https://git-lfs.github.com/spec/v1\n"); }, {"a Git LFS pointer", "git lfs pull"});
}

TEST(SentencePieceFile, SurvivesDamage) {
  const std::string whole = ReadTextFile(testing::TokenizerData("unigram-suffix") / "tokenizer.model");
  std::mt19937 random(6);
  int errors = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = whole;
    if (round % 2 == 0) bytes.resize(random() % bytes.size());
    for (int i = 0; i < round % 5; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
    try {
      Parse(bytes);
    } catch (const Error& error) {
      ASSERT_THAT(error.what(), ::testing::StartsWith("DIR/tokenizer.model: is not a SentencePiece model: "));
      ++errors;
    }
  }
  EXPECT_GT(errors, 100);
}

}  // namespace
}  // namespace w8a16
