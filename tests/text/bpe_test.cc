#include "text/bpe.h"

#include <map>
#include <random>

#include "testing/files.h"
#include "text/tokenizers.h"
#include "text/utf8.h"

namespace w8a16 {
namespace {

using testing::ExpectError;
using Strings = std::vector<std::string>;

Strings Encode(const std::string& json, const std::string& piece) {
  return testing::ParseComponent(
      [&](const JsonNode& node) {
        const auto model = ParseTokenModel(node);
        std::vector<int32_t> ids;
        model->Start()->Encode(piece, ids);
        Strings tokens;
        for (const int32_t id : ids) tokens.push_back(*model->vocabulary().Text(id));
        return tokens;
      },
      json);
}

TEST(Bpe, MergesByRankAndThenFromTheLeft) {
  const std::string vocab = R"("vocab": {"a": 0, "b": 1, "c": 2, "ab": 3, "bc": 4, "aa": 5, "aab": 6})";
  EXPECT_EQ(Encode("{\"type\": \"BPE\", " + vocab + R"(, "merges": ["a b", "b c"]})", "abc"), (Strings{"ab", "c"}));
  EXPECT_EQ(Encode("{\"type\": \"BPE\", " + vocab + R"(, "merges": ["b c", "a b"]})", "abc"), (Strings{"a", "bc"}));
  EXPECT_EQ(Encode("{\"type\": \"BPE\", " + vocab + R"(, "merges": [["a", "a"]]})", "aaa"), (Strings{"aa", "a"}));
  EXPECT_EQ(Encode("{\"type\": \"BPE\", " + vocab + R"(, "merges": ["a b", "a ab"]})", "aab"), (Strings{"aab"}));
  // Older files do not name the type.
  EXPECT_EQ(Encode("{" + vocab + R"(, "merges": ["#version: 0.2", "a b"]})", "abc"), (Strings{"ab", "c"}));
}

TEST(Bpe, UnknownCharacters) {
  const std::string start = R"({"type": "BPE", "vocab": {"?": 0, "a": 1, "<0xC3>": 2, "<0xA9>": 3}, "merges": [])";
  EXPECT_EQ(Encode(start + "}", "axya"), (Strings{"a", "a"}));
  EXPECT_EQ(Encode(start + R"(, "unk_token": "?"})", "axya"), (Strings{"a", "?", "?", "a"}));
  EXPECT_EQ(Encode(start + R"(, "unk_token": "?", "fuse_unk": true})", "axyax"), (Strings{"a", "?", "a", "?"}));
  EXPECT_EQ(Encode(start + R"(, "unk_token": "?", "byte_fallback": true})", "é€"), (Strings{"<0xC3>", "<0xA9>", "?"}));
}

TEST(Bpe, IgnoreMergesTakesWholePieces) {
  const std::string start = R"({"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [], "ignore_merges": )";
  EXPECT_EQ(Encode(start + "true}", "ab"), (Strings{"ab"}));
  EXPECT_EQ(Encode(start + "true}", "aba"), (Strings{"a", "b", "a"}));
  EXPECT_EQ(Encode(start + "false}", "ab"), (Strings{"a", "b"}));
}

TEST(Bpe, PrefixAndSuffix) {
  EXPECT_EQ(Encode(R"({"type": "BPE", "continuing_subword_prefix": "##", "vocab": {"a": 0, "##b": 1, "##c": 2, "ab": 3},
                       "merges": ["a ##b"]})",
                   "abc"),
            (Strings{"ab", "##c"}));
  EXPECT_EQ(
      Encode(R"({"type": "BPE", "end_of_word_suffix": "</w>", "vocab": {"a": 0, "b</w>": 1, "ab</w>": 2, "a</w>": 3},
                       "merges": ["a b</w>"]})",
             "ab"),
      (Strings{"ab</w>"}));
}

// The definition: merge the best pair until there is none. Against random vocabularies, byte tokens among them.
TEST(Bpe, EqualsTheSlowDefinitionOnRandomVocabularies) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Strings tokens = {"a", "b", "c", "_", "é", "<0xE2>", "<0x82>", "<0xAC>"};
    Json vocab = Json::object();
    for (const auto& token : tokens) vocab[token] = vocab.size();
    Json merges = Json::array();
    std::map<std::pair<std::string, std::string>, size_t> ranks;
    for (int i = 0; i < 30; ++i) {
      const std::string left = tokens[random() % tokens.size()];
      const std::string right = tokens[random() % tokens.size()];
      if (left.size() + right.size() > 30 || ranks.contains({left, right})) continue;
      ranks[{left, right}] = merges.size();
      merges.push_back({left, right});
      if (!vocab.contains(left + right)) {
        vocab[left + right] = vocab.size();
        tokens.push_back(left + right);
      }
    }
    // In any order, so that merges come before those they build on.
    if (round % 2 == 1) {
      std::shuffle(merges.begin(), merges.end(), random);
      for (size_t i = 0; i < merges.size(); ++i) ranks[{merges[i][0], merges[i][1]}] = i;
    }
    const std::string json =
        Json{{"type", "BPE"}, {"vocab", vocab}, {"merges", merges}, {"byte_fallback", true}}.dump();
    for (int text = 0; text < 5; ++text) {
      Strings expected;
      std::string piece;
      for (unsigned i = random() % 40 + 1; i > 0; --i) {
        const std::string character = std::vector<std::string>{"a", "b", "c", "_", "é", "€"}[random() % 6];
        piece += character;
        if (character == "€") {
          expected.insert(expected.end(), {"<0xE2>", "<0x82>", "<0xAC>"});
        } else {
          expected.push_back(character);
        }
      }
      while (true) {
        size_t best = SIZE_MAX;
        size_t at = 0;
        for (size_t i = 0; i + 1 < expected.size(); ++i) {
          const auto rank = ranks.find({expected[i], expected[i + 1]});
          if (rank != ranks.end() && rank->second < best) {
            best = rank->second;
            at = i;
          }
        }
        if (best == SIZE_MAX) break;
        expected[at] += expected[at + 1];
        expected.erase(expected.begin() + static_cast<ptrdiff_t>(at) + 1);
      }
      ASSERT_EQ(Encode(json, piece), expected) << json << "\n" << piece;
    }
  }
}

TEST(Bpe, AMillionTimesOneCharacter) {
  EXPECT_EQ(Encode(R"({"type": "BPE", "vocab": {"a": 0, "aa": 1, "aaaa": 2}, "merges": ["a a", "aa aa"]})",
                   std::string(1'000'000, 'a'))
                .size(),
            250'000u);
}

TEST(Bpe, WholeTokensMergeWithNothing) {
  Vocabulary vocabulary;
  for (const char* text : {"a", "b", "ab", "ba", "b!"}) vocabulary.Add(text, vocabulary.size());
  BpeModel::Options options;
  const std::vector<ByteTrie::Entry> whole = {{"ba", 3}, {"b!", 4}};
  options.whole = ByteTrie(whole);
  const std::vector<MergeTable::Merge> merges = {{0, 1, 0, 2}};
  const BpeModel model(std::move(vocabulary), merges, std::move(options));
  std::vector<int32_t> ids;
  model.Start()->Encode("abaabb!b", ids);
  EXPECT_EQ(ids, (std::vector<int32_t>{0, 3, 2, 4, 1}));
}

TEST(Bpe, OfOneRankTheLeftmostMergesFirst) {
  const auto encode = [](int32_t rank) {
    Vocabulary vocabulary;
    for (const char* text : {"a", "b", "ab", "ba"}) vocabulary.Add(text, vocabulary.size());
    const std::vector<MergeTable::Merge> merges = {{0, 1, rank, 2}, {1, 0, 1, 3}};
    const BpeModel model(std::move(vocabulary), merges, {});
    std::vector<int32_t> ids;
    model.Start()->Encode("bab", ids);
    return ids;
  };
  EXPECT_EQ(encode(1), (std::vector<int32_t>{3, 1}));
  EXPECT_EQ(encode(0), (std::vector<int32_t>{1, 2}));
}

TEST(Bpe, RefusesWhatIsMalformed) {
  const auto refuse = [](const std::string& rest, const std::vector<std::string>& parts) {
    ExpectError([&] { Encode(R"({"type": "BPE", )" + rest + "}", "a"); }, parts);
  };
  const std::string vocab = R"("vocab": {"a": 0, "b": 1})";
  refuse(R"("merges": [])", {"the key \"vocab\" is missing"});
  refuse(vocab, {"the key \"merges\" is missing"});
  refuse(R"("vocab": [], "merges": [])", {"vocab: must be an object"});
  refuse(vocab + R"(, "merges": {})", {"merges: must be an array"});
  refuse(vocab + R"(, "merges": ["a b"])",
         {"merges: merge 0, \"a b\", refers to the token \"ab\", which is not in the vocabulary"});
  refuse(vocab + R"(, "merges": ["a x"])", {"refers to the token \"x\""});
  for (const char* merge : {"\"ab\"", "\"a b c\"", "\"\""}) {
    refuse(vocab + ", \"merges\": [" + merge + "]", {"merge 0", "must be two tokens with one space between them"});
  }
  for (const char* merge : {"1", "[\"a\"]", "[\"a\", 1]", "[\"a\", \"b\", \"c\"]", "null"}) {
    refuse(vocab + ", \"merges\": [" + merge + "]", {"merge 0", "must be \"LEFT RIGHT\" or [\"LEFT\", \"RIGHT\"]"});
  }
  for (const char* id :
       {"-1", "16777216", "99999999999999999999", "18446744073709551615", "1.5", "\"1\"", "null", "[]"}) {
    refuse(std::string(R"("vocab": {"a": )") + id + R"(}, "merges": [])",
           {"vocab: the id of \"a\" must be an integer from 0 to 16777215"});
  }
  refuse(R"("vocab": {"a": 0, "b": 0}, "merges": [])", {"the tokens \"a\" and \"b\" have the same id 0"});
  refuse(vocab + R"(, "merges": [], "unk_token": "?")", {"unk_token: the token \"?\" is not in the vocabulary"});
  refuse(vocab + R"(, "merges": [], "dropout": 0.1)", {"dropout: makes encoding random"});
  refuse(vocab + R"(, "merges": [], "fuse_unk": "yes")", {"fuse_unk: must be true or false, is \"yes\""});
  refuse(R"("continuing_subword_prefix": "##", "vocab": {"a": 0, "b": 1}, "merges": ["a b"])",
         {"without the prefix \"##\""});
  ExpectError([] { Encode(R"({"type": "WordLevel", "vocab": {}})", "a"); },
              {"type: \"WordLevel\" is not supported; supported: BPE, Unigram, WordPiece"});
  ExpectError([] { Encode(R"({"vocab": {}})", "a"); }, {"the key \"type\" is missing"});
}

}  // namespace
}  // namespace w8a16
