#include "text/added_tokens.h"

#include "base/strings.h"
#include "testing/files.h"
#include "text/tokenizers.h"

namespace w8a16 {
namespace {

using testing::ExpectError;

// The parts as "[token]" and "text".
std::vector<std::string> Cut(const std::string& json, const std::string& text, bool normalized = false,
                             const Normalizer* normalizer = nullptr) {
  return testing::ParseComponent(
      [&](const JsonNode& node) {
        const AddedTokens added(node, Vocabulary(), normalizer);
        std::vector<std::string> parts;
        for (const auto& part : added.Split(text, normalized)) {
          const std::string slice = text.substr(part.begin, part.end - part.begin);
          parts.push_back(part.id < 0 ? slice : StrCat("[", slice, "]"));
        }
        return parts;
      },
      json);
}

std::string Token(int id, const std::string& text, const std::string& rest = "") {
  return StrCat(R"({"id": )", id, R"(, "content": ")", text, R"(", "normalized": false)", rest, "}");
}

std::string List(const std::vector<std::string>& tokens) { return StrCat("[", Join(tokens, ", "), "]"); }

using Strings = std::vector<std::string>;

TEST(AddedTokens, LeftmostAndLongest) {
  const std::string json = List({Token(0, "ab"), Token(1, "abcd"), Token(2, "bcde")});
  EXPECT_EQ(Cut(json, "xabcdey"), (Strings{"x", "[abcd]", "ey"}));
  EXPECT_EQ(Cut(json, "abcab"), (Strings{"[ab]", "c", "[ab]"}));
  EXPECT_EQ(Cut(json, "bcdeab"), (Strings{"[bcde]", "[ab]"}));
  EXPECT_EQ(Cut(json, "plain"), (Strings{"plain"}));
  EXPECT_EQ(Cut(json, ""), Strings{});
  EXPECT_EQ(Cut("[]", "ab"), (Strings{"ab"}));
}

TEST(AddedTokens, StripTakesWhitespaceAlong) {
  EXPECT_EQ(Cut(List({Token(0, "<m>", ", \"lstrip\": true")}), "a \n<m> b"), (Strings{"a", "[ \n<m>]", " b"}));
  EXPECT_EQ(Cut(List({Token(0, "<m>", ", \"rstrip\": true")}), "a <m> \u3000b"), (Strings{"a ", "[<m> \u3000]", "b"}));
  EXPECT_EQ(Cut(List({Token(0, "<m>", ", \"lstrip\": true, \"rstrip\": true")}), " <m> <m> "),
            (Strings{"[ <m> ]", "[<m> ]"}));
}

TEST(AddedTokens, SingleWord) {
  const std::string json = List({Token(0, "cat", ", \"single_word\": true")});
  EXPECT_EQ(Cut(json, "cat concat cats écat cat!"), (Strings{"[cat]", " concat cats écat ", "[cat]", "!"}));
}

TEST(AddedTokens, NormalizedOnesAreFoundByTheirNormalizedForm) {
  const auto lowercase = testing::ParseComponent(ParseNormalizer, R"({"type": "Lowercase"})");
  const std::string json =
      R"([{"id": 0, "content": "<M>", "normalized": true}, {"id": 1, "content": "<R>", "normalized": false}])";
  EXPECT_EQ(Cut(json, "a<m><M><r>", true, lowercase.get()), (Strings{"a", "[<m>]", "<M><r>"}));
  EXPECT_EQ(Cut(json, "a<M><R>", false, lowercase.get()), (Strings{"a<M>", "[<R>]"}));
  // By default special tokens are not normalized, and others are.
  EXPECT_EQ(Cut(R"([{"id": 0, "content": "s", "special": true}, {"id": 1, "content": "n"}])", "sn"),
            (Strings{"[s]", "n"}));
}

TEST(AddedTokens, RefusesWhatIsMalformed) {
  const auto refuse = [](const std::string& json, const std::vector<std::string>& parts) {
    ExpectError([&] { Cut(json, ""); }, parts);
  };
  refuse("{}", {"must be an array, is an object"});
  refuse("[3]", {"[0]: must be an object, is 3"});
  refuse(R"([{"id": 0}])", {"[0]: the key \"content\" is missing"});
  refuse(R"([{"content": "a"}])", {"[0]: the key \"id\" is missing"});
  for (const char* id : {"-1", "16777216", "18446744073709551615", "1.0", "\"0\""}) {
    refuse(std::string(R"([{"content": "a", "id": )") + id + "}]",
           {"[0].id: must be an integer from 0 to 16777215, is " + std::string(id)});
  }
  refuse(List({Token(0, "a"), Token(0, "b")}), {"[1]: the tokens \"a\" and \"b\" have the same id 0"});
  refuse(List({Token(0, "a"), Token(1, "a")}), {"[1]: the token \"a\" has the ids 0 and 1"});
}

TEST(AddedTokens, MustAgreeWithTheModel) {
  Json json = testing::ByteLevelJson();
  json["added_tokens"] = Json::array({Json{{"id", 5}, {"content", "he"}}});
  ExpectError([&] { testing::MakeTokenizer(json); },
              {"DIR/tokenizer.json: added_tokens[0]: the token \"he\" has the id 5 here and 256 in model.vocab"});
  json["added_tokens"] = Json::array({Json{{"id", 256}, {"content", "new"}}});
  ExpectError([&] { testing::MakeTokenizer(json); }, {"the id 256 is of \"new\" here and of \"he\" in model.vocab"});
}

}  // namespace
}  // namespace w8a16
