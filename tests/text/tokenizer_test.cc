#include "text/tokenizer.h"

#include <fstream>
#include <random>

#include "testing/files.h"
#include "text/tokenizers.h"
#include "text/utf8.h"

namespace w8a16 {
namespace {

using testing::ByteLevelJson;
using testing::ExpectError;
using testing::MakeTokenizer;
using testing::SentencePieceJson;
using testing::TokensOf;
using testing::UnigramJson;
using testing::WordPieceJson;
using Ids = std::vector<int32_t>;
using Strings = std::vector<std::string>;

std::string Stream(const Tokenizer& tokenizer, const Ids& ids, bool skip_special) {
  StreamDecoder stream(tokenizer, skip_special);
  std::string text;
  for (const int32_t id : ids) {
    const std::string piece = stream.Next(id);
    EXPECT_TRUE(IsWellFormedUtf8(piece));
    text += piece;
  }
  return text + stream.Finish();
}

TEST(Tokenizer, ByteLevel) {
  const Tokenizer tokenizer = MakeTokenizer(ByteLevelJson());
  EXPECT_EQ(TokensOf(tokenizer, tokenizer.Encode("hello world<|end|>\xC3\xA9", true)),
            (Strings{"hello", "Ġworld", "<|end|>", "Ã©"}));
  EXPECT_EQ(tokenizer.vocab_size(), 301);
  EXPECT_EQ(tokenizer.TokenToId("<|end|>"), 300);
  EXPECT_EQ(tokenizer.TokenToId("nothing"), -1);
  EXPECT_EQ(tokenizer.IdToToken(300), "<|end|>");
  for (const int32_t id : {-1, 290, 301, INT32_MAX, INT32_MIN}) EXPECT_EQ(tokenizer.IdToToken(id), "");
  EXPECT_TRUE(tokenizer.IsSpecial(300));
  EXPECT_FALSE(tokenizer.IsSpecial(0));
  EXPECT_EQ(tokenizer.Encode("", true), Ids{});
  EXPECT_EQ(tokenizer.Decode(Ids{}), "");
}

TEST(Tokenizer, DecodeSkipsSpecialTokensAndIdsThatDoNotExist) {
  const Tokenizer tokenizer = MakeTokenizer(ByteLevelJson());
  const Ids ids = {256, 300, -1, 290, 1'000'000, INT32_MIN, 256};
  EXPECT_EQ(tokenizer.Decode(ids), "hehe");
  EXPECT_EQ(tokenizer.Decode(ids, false), "he<|end|>he");
}

TEST(Tokenizer, SentencePiece) {
  const Tokenizer tokenizer = MakeTokenizer(SentencePieceJson());
  EXPECT_EQ(TokensOf(tokenizer, tokenizer.Encode("hello world", true)), (Strings{"<s>", "▁hello", "▁world"}));
  EXPECT_EQ(TokensOf(tokenizer, tokenizer.Encode(" he€  é", false)),
            (Strings{"▁", "▁he", "<0xE2>", "<0x82>", "<0xAC>", "▁▁", "é"}));
  // Text behind a special token is normalized by itself, as by the reference.
  EXPECT_EQ(TokensOf(tokenizer, tokenizer.Encode("</s>he", false)), (Strings{"</s>", "▁he"}));
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("hello world", true)), "hello world");
  EXPECT_EQ(tokenizer.Encode("", true), Ids{1});
}

TEST(Tokenizer, WithoutDecoderTokensStandApart) {
  Json json = SentencePieceJson();
  json["decoder"] = nullptr;
  const Tokenizer tokenizer = MakeTokenizer(json);
  const Ids ids = tokenizer.Encode("hello world", true);
  EXPECT_EQ(tokenizer.Decode(ids), "▁hello ▁world");
  EXPECT_EQ(Stream(tokenizer, ids, false), "<s> ▁hello ▁world");
}

TEST(Tokenizer, IllFormedTextIsReplaced) {
  for (const Json& json : {ByteLevelJson(), SentencePieceJson()}) {
    const Tokenizer tokenizer = MakeTokenizer(json);
    EXPECT_EQ(tokenizer.Encode("h\xFF\xE2\x82", false), tokenizer.Encode("h\uFFFD\uFFFD", false));
  }
}

TEST(Tokenizer, RandomTextComesBack) {
  std::mt19937 random(3);
  const Tokenizer byte_level = MakeTokenizer(ByteLevelJson());
  const Tokenizer sentence_piece = MakeTokenizer(SentencePieceJson());
  for (int round = 0; round < 500; ++round) {
    std::string bytes;
    std::string text;
    for (unsigned i = random() % 60; i > 0; --i) {
      bytes += static_cast<char>(random());
      char32_t c = random() % 3 == 0 ? random() % 0x110000 : U" \n'helowrdé▁"[random() % 12];
      if (c >= 0xD800 && c <= 0xDFFF) c = ' ';
      AppendUtf8(c, text);
    }
    ASSERT_EQ(byte_level.Decode(byte_level.Encode(bytes, true)), ToWellFormedUtf8(bytes));
    ASSERT_EQ(byte_level.Decode(byte_level.Encode(text, true)), text);
    // U+2581 comes back as a space.
    std::string expected;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text.compare(i, 3, "▁") == 0) {
        expected += ' ';
        i += 2;
      } else {
        expected += text[i];
      }
    }
    ASSERT_EQ(sentence_piece.Decode(sentence_piece.Encode(text, true)), expected);
  }
}

TEST(StreamDecoder, EqualsDecodeOnRandomIds) {
  std::mt19937 random(4);
  for (const Json& json : {ByteLevelJson(), SentencePieceJson()}) {
    const Tokenizer tokenizer = MakeTokenizer(json);
    for (int round = 0; round < 500; ++round) {
      Ids ids;
      for (unsigned i = random() % 40; i > 0; --i) ids.push_back(static_cast<int32_t>(random() % 310) - 2);
      for (const bool skip : {true, false}) ASSERT_EQ(Stream(tokenizer, ids, skip), tokenizer.Decode(ids, skip));
    }
  }
}

TEST(StreamDecoder, PrintsAsSoonAsCharactersAreWhole) {
  StreamDecoder stream(MakeTokenizer(ByteLevelJson()));
  EXPECT_EQ(stream.Next(256), "he");
  EXPECT_EQ(stream.Next(0xE2), "");
  EXPECT_EQ(stream.Next(0x82), "");
  EXPECT_EQ(stream.Next(0xAC), "€");
  EXPECT_EQ(stream.Next(300), "");
  EXPECT_EQ(stream.Next(0xE2), "");
  EXPECT_EQ(stream.Finish(), "\uFFFD");
  EXPECT_EQ(stream.Finish(), "");
  EXPECT_EQ(stream.Next('a'), "a");
}

TEST(StreamDecoder, StripsTheFirstSpaceOfEachTextOnly) {
  const Tokenizer tokenizer = MakeTokenizer(SentencePieceJson());
  StreamDecoder stream(tokenizer);
  EXPECT_EQ(stream.Next(1), "");
  EXPECT_EQ(stream.Next(tokenizer.TokenToId("▁hello")), "hello");
  EXPECT_EQ(stream.Next(tokenizer.TokenToId("▁hello")), " hello");
  EXPECT_EQ(stream.Finish(), "");
  StreamDecoder moved = std::move(stream);
  EXPECT_EQ(moved.Next(tokenizer.TokenToId("▁world")), "world");
}

TEST(Tokenizer, NamesTheKeyOfWhatItDoesNotSupport) {
  for (const char* stage : {"normalizer", "pre_tokenizer", "post_processor", "decoder", "model"}) {
    Json json = ByteLevelJson();
    json[stage] = Json{{"type", "Nonesuch"}};
    ExpectError([&] { MakeTokenizer(json); },
                {std::string("DIR/tokenizer.json: ") + stage + ".type: \"Nonesuch\" is not supported; supported: "});
    json[stage] = 7;
    ExpectError([&] { MakeTokenizer(json); },
                {std::string("DIR/tokenizer.json: ") + stage + ": must be an object, is 7"});
  }
}

TEST(Tokenizer, RefusesFilesThatAreNone) {
  ExpectError([] { Tokenizer::Parse("[]", "DIR/tokenizer.json"); }, {"DIR/tokenizer.json: must be an object"});
  ExpectError([] { Tokenizer::Parse("{}", "DIR/tokenizer.json"); },
              {"DIR/tokenizer.json: the key \"model\" is missing"});
  ExpectError([] { Tokenizer::Parse("{", "DIR/tokenizer.json"); }, {"DIR/tokenizer.json: line 1"});
  ExpectError([] { Tokenizer::Parse("", "DIR/tokenizer.json"); }, {"DIR/tokenizer.json"});
}

// Every value of two real layouts, replaced by values of all other types: an Error or a tokenizer, never a crash.
void Mutate(const Json& whole, const Json::json_pointer& at, int& errors) {
  for (const Json& value :
       {Json(nullptr), Json(true), Json(-1), Json(1e300), Json("x"), Json::array(), Json::object()}) {
    Json changed = whole;
    changed[at] = value;
    try {
      const Tokenizer tokenizer = MakeTokenizer(changed);
      tokenizer.Decode(tokenizer.Encode("hello <s> wor\u20ACld", true));
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), ::testing::StartsWith("DIR/tokenizer.json: "));
      ++errors;
    }
  }
  const Json& here = whole[at];
  if (here.is_object()) {
    int children = 0;
    for (const auto& [key, value] : here.items()) {
      if (++children <= 12) Mutate(whole, at / key, errors);
    }
  } else if (here.is_array()) {
    for (size_t i = 0; i < here.size() && i < 3; ++i) Mutate(whole, at / i, errors);
  }
}

TEST(Tokenizer, Unigram) {
  const Tokenizer tokenizer = MakeTokenizer(UnigramJson());
  const Ids ids = tokenizer.Encode("h\u00E9llo x world<s>", true);
  EXPECT_EQ(TokensOf(tokenizer, ids), (Strings{"▁hell", "o", "▁", "<unk>", "▁wor", "ld", "<s>"}));
  EXPECT_EQ(tokenizer.Decode(ids), "hello <unk> world");
}

TEST(Tokenizer, WordPiece) {
  const Tokenizer tokenizer = MakeTokenizer(WordPieceJson());
  const Ids ids = tokenizer.Encode("H\u00E9llo, hell", true);
  EXPECT_EQ(TokensOf(tokenizer, ids), (Strings{"[CLS]", "hell", "##o", "[UNK]", "hell", "[SEP]"}));
  EXPECT_EQ(tokenizer.Decode(ids), "[CLS] hello [UNK] hell [SEP]");
  EXPECT_EQ(Stream(tokenizer, ids, true), tokenizer.Decode(ids));
}

TEST(Tokenizer, SurvivesEveryValueOfEveryType) {
  for (const Json& json : {ByteLevelJson(), SentencePieceJson(), UnigramJson(), WordPieceJson()}) {
    int errors = 0;
    for (const auto& [key, value] : json.items()) Mutate(json, Json::json_pointer() / key, errors);
    EXPECT_GT(errors, 100);
  }
}

}  // namespace
}  // namespace w8a16
