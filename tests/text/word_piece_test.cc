#include "text/word_piece.h"

#include "testing/files.h"
#include "text/tokenizers.h"

namespace w8a16 {
namespace {

using testing::ExpectError;
using Ids = std::vector<int32_t>;

Ids Encode(const std::string& rest, const std::string& text) {
  return testing::ParseComponent(
      [&](const JsonNode& node) {
        Ids ids;
        ParseTokenModel(node)->Start()->Encode(text, ids);
        return ids;
      },
      R"({"type": "WordPiece", "vocab": {"?": 0, "un": 1, "una": 2, "##able": 3, "##a": 4, "##é": 5, "é": 6, "##": 7})" +
          rest + "}");
}

TEST(WordPiece, TheLongestFromTheLeft) {
  const std::string rest = R"(, "unk_token": "?")";
  EXPECT_EQ(Encode(rest, "una"), Ids{2});
  EXPECT_EQ(Encode(rest, "unéa"), (Ids{1, 5, 4}));
  // "un" and "##able" would do, but the longest comes first.
  EXPECT_EQ(Encode(rest, "unable"), Ids{0});
  EXPECT_EQ(Encode(rest, "éable"), (Ids{6, 3}));
  EXPECT_EQ(Encode(rest, "able"), Ids{0});
}

TEST(WordPiece, LongWordsAreUnknown) {
  const std::string rest = R"(, "unk_token": "?", "max_input_chars_per_word": 3)";
  EXPECT_EQ(Encode(rest, "ééé"), (Ids{6, 5, 5}));
  EXPECT_EQ(Encode(rest, "éééé"), Ids{0});
  EXPECT_EQ(Encode(R"(, "unk_token": "?")", "un" + std::string(98, 'a')).size(), 98u);
  EXPECT_EQ(Encode(R"(, "unk_token": "?")", "un" + std::string(99, 'a')), Ids{0});
}

TEST(WordPiece, OtherPrefixes) {
  EXPECT_EQ(Encode(R"(, "unk_token": "?", "continuing_subword_prefix": "##a")", "unable"), (Ids{2, 3}));
  EXPECT_EQ(Encode(R"(, "unk_token": "?", "continuing_subword_prefix": "##a")", "unble"), (Ids{1, 3}));
  EXPECT_EQ(Encode(R"(, "unk_token": "?", "continuing_subword_prefix": "")", "unun##"), (Ids{1, 1, 7}));
}

TEST(WordPiece, RefusesWhatIsMalformed) {
  ExpectError([] { Encode("", "a"); }, {"DIR/tokenizer.json: the key \"unk_token\" is missing"});
  ExpectError([] { Encode(R"(, "unk_token": "[UNK]")", "a"); },
              {"unk_token: the token \"[UNK]\" is not in the vocabulary"});
  ExpectError([] { Encode(R"(, "unk_token": "?", "max_input_chars_per_word": -1)", "a"); },
              {"max_input_chars_per_word: must be an integer from 0"});
}

}  // namespace
}  // namespace w8a16
