#include "text/pre_tokenizer.h"

#include "testing/files.h"
#include "text/tokenizers.h"

namespace w8a16 {
namespace {

using testing::ExpectError;
using Strings = std::vector<std::string>;

Strings Cut(const std::string& json, const std::string& text, bool starts_text = true) {
  Pieces pieces(text, starts_text);
  testing::ParseComponent(ParsePreTokenizer, json)->Apply(pieces);
  Strings cut;
  for (size_t i = 0; i < pieces.list.size(); ++i) cut.emplace_back(pieces[i]);
  return cut;
}

Strings Split(const std::string& behavior, const std::string& text, bool invert = false) {
  return Cut(R"({"type": "Split", "pattern": {"String": "-"}, "behavior": ")" + behavior + R"(", "invert": )" +
                 (invert ? "true}" : "false}"),
             text);
}

TEST(PreTokenizer, SplitBehaviors) {
  // The example of the reference's documentation.
  const std::string text = "the-final--countdown";
  EXPECT_EQ(Split("Removed", text), (Strings{"the", "final", "countdown"}));
  EXPECT_EQ(Split("Isolated", text), (Strings{"the", "-", "final", "-", "-", "countdown"}));
  EXPECT_EQ(Split("MergedWithPrevious", text), (Strings{"the-", "final-", "-", "countdown"}));
  EXPECT_EQ(Split("MergedWithNext", text), (Strings{"the", "-final", "-", "-countdown"}));
  EXPECT_EQ(Split("Contiguous", text), (Strings{"the", "-", "final", "--", "countdown"}));
}

TEST(PreTokenizer, SplitAtTheEnds) {
  EXPECT_EQ(Split("Removed", "--"), Strings{});
  EXPECT_EQ(Split("MergedWithPrevious", "-a-"), (Strings{"-", "a-"}));
  EXPECT_EQ(Split("MergedWithNext", "-a-"), (Strings{"-a", "-"}));
  EXPECT_EQ(Split("Contiguous", "--a"), (Strings{"--", "a"}));
  EXPECT_EQ(Split("Removed", "a-b", true), (Strings{"-"}));
  EXPECT_EQ(Split("Isolated", ""), Strings{});
}

TEST(PreTokenizer, SplitAtPlacesWithoutWidth) {
  const std::string json = R"~({"type": "Split", "pattern": {"Regex": "(?=[A-Z])"}, "behavior": "Isolated"})~";
  EXPECT_EQ(Cut(json, "oneTwoThree"), (Strings{"one", "Two", "Three"}));
}

TEST(PreTokenizer, ByteLevel) {
  const std::string plain = R"({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true})";
  EXPECT_EQ(Cut(plain, "Hello my friend, it's  ok"),
            (Strings{"Hello", "Ġmy", "Ġfriend", ",", "Ġit", "'s", "Ġ", "Ġok"}));
  EXPECT_EQ(Cut(plain, "é\n"), (Strings{"Ã©", "Ċ"}));
  EXPECT_EQ(Cut(R"({"type": "ByteLevel", "add_prefix_space": true})", "a b"), (Strings{"Ġa", "Ġb"}));
  EXPECT_EQ(Cut(R"({"type": "ByteLevel", "add_prefix_space": true})", " a"), (Strings{"Ġa"}));
  EXPECT_EQ(Cut(R"({"type": "ByteLevel", "add_prefix_space": false, "use_regex": false})", "a b"), (Strings{"aĠb"}));
}

TEST(PreTokenizer, Metaspace) {
  const auto metaspace = [](const std::string& rest) {
    return R"({"type": "Metaspace", "replacement": "▁")" + rest + "}";
  };
  EXPECT_EQ(Cut(metaspace(""), "Hey  you"), (Strings{"▁Hey", "▁", "▁you"}));
  EXPECT_EQ(Cut(metaspace(""), " Hey"), (Strings{"▁Hey"}));
  EXPECT_EQ(Cut(metaspace(R"(, "prepend_scheme": "never")"), "a b"), (Strings{"a", "▁b"}));
  EXPECT_EQ(Cut(metaspace(R"(, "prepend_scheme": "first")"), "a"), (Strings{"▁a"}));
  EXPECT_EQ(Cut(metaspace(R"(, "prepend_scheme": "first")"), "a", false), (Strings{"a"}));
  EXPECT_EQ(Cut(metaspace(R"(, "add_prefix_space": false)"), "a"), (Strings{"a"}));
  EXPECT_EQ(Cut(metaspace(R"(, "split": false)"), "a b"), (Strings{"▁a▁b"}));
}

TEST(PreTokenizer, FirstMeansTheStartOfTheTextAfterEarlierCuts) {
  const std::string first = R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "first"})";
  const std::string json = R"({"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, )" + first + "]}";
  EXPECT_EQ(Cut(json, "a b"), (Strings{"_a", "b"}));
  EXPECT_EQ(Cut(json, " a b"), (Strings{"a", "b"}));
}

TEST(PreTokenizer, ByCharacterClasses) {
  EXPECT_EQ(Cut(R"({"type": "Digits", "individual_digits": false})", "ab123½c4"), (Strings{"ab", "123½", "c", "4"}));
  EXPECT_EQ(Cut(R"({"type": "Digits", "individual_digits": true})", "ab12"), (Strings{"ab", "1", "2"}));
  EXPECT_EQ(Cut(R"({"type": "Whitespace"})", "Hey, ma_n!  ½…"), (Strings{"Hey", ",", "ma_n", "!", "½…"}));
  EXPECT_EQ(Cut(R"({"type": "WhitespaceSplit"})", " Hey,\u3000you\n"), (Strings{"Hey,", "you"}));
  EXPECT_EQ(Cut(R"({"type": "Punctuation"})", "a,.b"), (Strings{"a", ",", ".", "b"}));
  EXPECT_EQ(Cut(R"({"type": "Punctuation", "behavior": "Contiguous"})", "a,.b"), (Strings{"a", ",.", "b"}));
}

TEST(PreTokenizer, Bert) {
  EXPECT_EQ(Cut(R"({"type": "BertPreTokenizer"})", " Don't  stop—now\u3000$5 "),
            (Strings{"Don", "'", "t", "stop", "—", "now", "$", "5"}));
}

TEST(PreTokenizer, CharDelimiterSplit) {
  EXPECT_EQ(Cut(R"({"type": "CharDelimiterSplit", "delimiter": "é"})", "éaéébcé"), (Strings{"a", "bc"}));
}

TEST(PreTokenizer, RefusesWhatIsMalformed) {
  const auto refuse = [](const std::string& json, const std::vector<std::string>& parts) {
    ExpectError([&] { Cut(json, "a"); }, parts);
  };
  refuse(R"({"type": "Nonesuch"})", {"type: \"Nonesuch\" is not supported; supported: Sequence, ByteLevel"});
  refuse(R"({"type": "ByteLevel"})", {"the key \"add_prefix_space\" is missing"});
  refuse(R"({"type": "ByteLevel", "add_prefix_space": 1})", {"add_prefix_space: must be true or false, is 1"});
  refuse(R"({"type": "Metaspace", "replacement": "ab"})",
         {"replacement: must be a string of one character, is \"ab\""});
  refuse(R"({"type": "Metaspace", "replacement": ""})", {"one character"});
  refuse(R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "last"})",
         {"\"last\"", "first, never, always"});
  refuse(R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "first", "add_prefix_space": false})",
         {"prepend_scheme: contradicts add_prefix_space"});
  refuse(R"({"type": "Split", "pattern": {"String": "a"}, "behavior": "Kept"})",
         {"behavior: \"Kept\" is not supported; supported: Removed, Isolated, MergedWithPrevious, MergedWithNext, "
          "Contiguous"});
  refuse(R"({"type": "Sequence", "pretokenizers": {}})", {"pretokenizers: must be an array, is an object"});
}

}  // namespace
}  // namespace w8a16
