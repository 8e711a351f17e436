#include "text/sentencepiece.h"

#include <random>

#include "testing/files.h"
#include "text/chars_maps.h"
#include "text/sentencepiece_files.h"
#include "text/tokenizers.h"
#include "text/utf8.h"
#include "text/vectors.h"

namespace w8a16 {
namespace {

using testing::ExpectError;
using testing::PieceField;
using Ids = std::vector<int32_t>;

std::string Normalize(const SentencePieceFile& file, const std::string& text, bool dummy_prefix = true) {
  return MakeSentencePieceNormalizer(file, dummy_prefix, "DIR/tokenizer.model")->Apply(text);
}

TEST(SentencePieceNormalizer, Spaces) {
  SentencePieceFile file;
  EXPECT_EQ(Normalize(file, "  a  b "), "▁a▁b");
  EXPECT_EQ(Normalize(file, "  "), "");
  EXPECT_EQ(Normalize(file, ""), "");
  EXPECT_EQ(Normalize(file, " a", false), "a");
  file.remove_extra_whitespaces = false;
  EXPECT_EQ(Normalize(file, "  a  b "), "▁▁▁a▁▁b▁");
  file.treat_whitespace_as_suffix = true;
  EXPECT_EQ(Normalize(file, "a b"), "a▁b▁");
  file.escape_whitespaces = false;
  EXPECT_EQ(Normalize(file, "a b"), "a b ");
}

TEST(SentencePieceNormalizer, RulesAndWhatTheyLeaveAlone) {
  SentencePieceFile file;
  file.precompiled_charsmap = testing::CharsMapBytes({{"a", "x"}, {"ab", " y "}, {"\t", " "}, {"c", ""}});
  file.pieces = {{"bab", 0, SentencePieceFile::PieceType::kUserDefined},
                 {"a", 0, SentencePieceFile::PieceType::kNormal}};
  EXPECT_EQ(Normalize(file, "\tbabababca\t"), "▁bab▁y▁y▁x");
  file.precompiled_charsmap = "abc";
  ExpectError([&] { Normalize(file, ""); }, {"DIR/tokenizer.model: ", "precompiled_charsmap, 3 bytes"});
}

std::string Unk() { return PieceField("<unk>", 0, 2); }

Ids Encode(const std::string& bytes, const std::string& piece) {
  Ids ids;
  MakeSentencePieceModel(SentencePieceFile::Parse(bytes, "f"), "DIR/tokenizer.model")->Start()->Encode(piece, ids);
  return ids;
}

std::string Bpe() { return Unk() + testing::BytesField(2, testing::VarintField(3, 2)); }

TEST(SentencePieceModel, OfEqualScoresTheLeftmostMergesFirst) {
  const std::string letters = PieceField("a", -9, 1) + PieceField("b", -9, 1);
  EXPECT_EQ(Encode(Bpe() + letters + PieceField("ab", -1, 1) + PieceField("ba", -1, 1), "bab"), (Ids{4, 2}));
  EXPECT_EQ(Encode(Bpe() + letters + PieceField("ab", -1, 1) + PieceField("ba", -2, 1), "bab"), (Ids{2, 3}));
  // Two ways to one piece have one rank.
  const std::string more = PieceField("aa", -1, 1) + PieceField("aaa", -1, 1);
  EXPECT_EQ(Encode(Bpe() + letters + more, "aaaa"), (Ids{4, 1}));
}

TEST(SentencePieceModel, ControlPiecesAreNoText) {
  const std::string pieces = PieceField("<", -1, 1) + PieceField("s", -1, 1) + PieceField(">", -1, 1) +
                             PieceField("<s>", 0, 3) + PieceField("<s", -3, 1);
  EXPECT_EQ(Encode(Bpe() + pieces, "<s>"), (Ids{5, 3}));
  EXPECT_EQ(Encode(Unk() + pieces, "<s>"), (Ids{1, 2, 3}));
}

TEST(SentencePieceModel, UnusedPieces) {
  const std::string pieces = PieceField("a", -1, 1) + PieceField("aa", 5, 5);
  EXPECT_EQ(Encode(Unk() + pieces, "aa"), (Ids{1, 1}));
  ExpectError([&] { Encode(Bpe() + pieces, "aa"); },
              {"DIR/tokenizer.model: the piece \"aa\" of a BPE model is marked as unused"});
}

TEST(SentencePieceModel, RefusesWhatItCannotDo) {
  for (const int type : {3, 4}) {
    ExpectError([&] { Encode(Unk() + testing::BytesField(2, testing::VarintField(3, type)), "a"); },
                {"DIR/tokenizer.model: model_type is WORD or CHAR, which is not supported; supported: UNIGRAM, BPE"});
  }
  ExpectError([] { Encode(Unk() + PieceField("a", 0, 1) + PieceField("a", 0, 1), "a"); },
              {"DIR/tokenizer.model: the token \"a\" has the ids 1 and 2"});
  ExpectError([] { Encode(Unk(), "a"); }, {"DIR/tokenizer.model: has no normal pieces"});
}

// The same model as a tokenizer.json, with Hugging Face's stages for SentencePiece models that keep all spaces.
TEST(SentencePieceModel, AsATokenizerJson) {
  const auto directory = testing::TokenizerData("unigram-bytes");
  const auto file = SentencePieceFile::Parse(ReadTextFile(directory / "tokenizer.model"), "file");
  Json json = testing::SentencePieceJson();
  json["added_tokens"] = Json::array();
  json["post_processor"] = nullptr;
  Json vocab = Json::array();
  for (const auto& piece : file.pieces) vocab.push_back(Json::array({piece.text, piece.score}));
  json["model"] = {{"type", "Unigram"}, {"unk_id", file.unk_id()}, {"byte_fallback", true}, {"vocab", vocab}};
  const Tokenizer tokenizer = testing::MakeTokenizer(json);
  const auto vectors = testing::ReadVectors(directory / "vectors.json");
  size_t compared = 0;
  for (const auto& [text, ids] : vectors) {
    // There byte tokens are found in text as they are spelled. Sums are float64 there: where two ways to cut a run are
    // equally good, another may be taken.
    const auto is_run = [&text = text](const char* run) { return text.find(run) != std::string::npos; };
    if (is_run("<0x") || is_run("aaa") || is_run("xxx") || is_run("lll") || is_run("===") || is_run("---")) continue;
    EXPECT_EQ(tokenizer.Encode(text, false), ids) << text;
    ++compared;
  }
  EXPECT_GT(compared, 200u);
}

// Where nothing is normalized away, text comes back.
TEST(SentencePieceModel, RandomTextComesBack) {
  std::mt19937 random(8);
  for (const char* name : {"unigram-bytes", "bpe-llama", "bpe-gemma"}) {
    const Tokenizer tokenizer = Tokenizer::Load(testing::TokenizerData(name));
    for (int round = 0; round < 300; ++round) {
      std::string text;
      for (unsigned i = random() % 60; i > 0; --i) {
        char32_t c = random() % 4 == 0 ? random() % 0x110000 : U" \naeinorstx=é汉"[random() % 14];
        if ((c >= 0xD800 && c <= 0xDFFF) || c == 0x2581) c = ' ';
        AppendUtf8(c, text);
      }
      ASSERT_EQ(tokenizer.Decode(tokenizer.Encode(text, true)), text) << name;
    }
  }
}

TEST(SentencePieceModel, AMillionTimesOneCharacter) {
  for (const char* name : {"unigram-bytes", "unigram-nfkc", "bpe-llama", "bpe-gemma"}) {
    const Tokenizer tokenizer = Tokenizer::Load(testing::TokenizerData(name));
    for (const char* unit : {"a", "x", " ", "\xFF", "汉", "e\u0301"}) {
      std::string text;
      for (int i = 0; i < 200'000; ++i) text += unit;
      const Ids ids = tokenizer.Encode(text, false);
      if (std::string(name) == "bpe-llama" && *unit != '\xFF') {
        ASSERT_EQ(tokenizer.Decode(ids), text);
      }
    }
  }
}

}  // namespace
}  // namespace w8a16
