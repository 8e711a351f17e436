#include "text/normalizer.h"

#include "testing/files.h"
#include "text/chars_maps.h"
#include "text/tokenizers.h"

namespace w8a16 {
namespace {

using testing::ExpectError;

std::string Normalize(const std::string& json, const std::string& text) {
  return testing::ParseComponent(ParseNormalizer, json)->Apply(text);
}

TEST(Normalizer, PrependLeavesEmptyTextAlone) {
  EXPECT_EQ(Normalize(R"({"type": "Prepend", "prepend": "▁"})", "a"), "▁a");
  EXPECT_EQ(Normalize(R"({"type": "Prepend", "prepend": "▁"})", ""), "");
}

TEST(Normalizer, ReplacesStringsAndExpressions) {
  EXPECT_EQ(Normalize(R"({"type": "Replace", "pattern": {"String": "aa"}, "content": "b"})", "aaaxaa"), "baxb");
  EXPECT_EQ(Normalize(R"({"type": "Replace", "pattern": {"String": ""}, "content": "b"})", "aa"), "aa");
  EXPECT_EQ(Normalize(R"({"type": "Replace", "pattern": {"String": "."}, "content": "$0"})", "a.b"), "a$0b");
  EXPECT_EQ(Normalize(R"({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"})", "a  b c   d"),
            "a▁b c▁d");
  EXPECT_EQ(Normalize(R"({"type": "Replace", "pattern": {"Regex": "x*"}, "content": "-"})", "axb"), "-a-b-");
}

TEST(Normalizer, UnicodeForms) {
  const std::string text = "e\u0301 \u00E9 \uFB01 \uAC00 \u1100\u1161 \u212B";
  EXPECT_EQ(Normalize(R"({"type": "NFC"})", text), "\u00E9 \u00E9 \uFB01 \uAC00 \uAC00 \u00C5");
  EXPECT_EQ(Normalize(R"({"type": "NFD"})", text), "e\u0301 e\u0301 \uFB01 \u1100\u1161 \u1100\u1161 A\u030A");
  EXPECT_EQ(Normalize(R"({"type": "NFKC"})", text), "\u00E9 \u00E9 fi \uAC00 \uAC00 \u00C5");
  EXPECT_EQ(Normalize(R"({"type": "NFKD"})", text), "e\u0301 e\u0301 fi \u1100\u1161 \u1100\u1161 A\u030A");
  // Marks are ordered by combining class (below before above), equal ones stay in order.
  EXPECT_EQ(Normalize(R"({"type": "NFD"})", "q\u0307\u0323"), "q\u0323\u0307");
  EXPECT_EQ(Normalize(R"({"type": "NFC"})", "q\u0300\u0301\u0323"), "q\u0323\u0300\u0301");
  // U+FDFA has the longest decomposition.
  EXPECT_EQ(Normalize(R"({"type": "NFKC"})", "\uFDFA").size(), 33u);
}

TEST(Normalizer, LongRunsOfMarksTakeNoQuadraticTime) {
  std::string text = "a";
  for (int i = 0; i < 200'000; ++i) text += "\u0301\u0323";
  EXPECT_EQ(Normalize(R"({"type": "NFD"})", text).size(), text.size());
}

TEST(Normalizer, LowercaseStripAndAccents) {
  EXPECT_EQ(Normalize(R"({"type": "Lowercase"})", "AbÀΣİ!"), "abàσi\u0307!");
  EXPECT_EQ(Normalize(R"({"type": "Strip", "strip_left": true, "strip_right": true})", " \u3000a b\n "), "a b");
  EXPECT_EQ(Normalize(R"({"type": "Strip", "strip_left": true, "strip_right": false})", " a "), "a ");
  EXPECT_EQ(Normalize(R"({"type": "Strip", "strip_left": false, "strip_right": true})", " a "), " a");
  EXPECT_EQ(Normalize(R"({"type": "Strip", "strip_left": true, "strip_right": true})", " \n "), "");
  EXPECT_EQ(Normalize(R"({"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}]})", "déjà"),
            "deja");
}

TEST(Normalizer, PrecompiledTakesTheLongestRule) {
  const auto normalize = [](const std::string& text) {
    const std::string map = testing::CharsMapBase64({{"a", "X"}, {"a\u0301", "Y"}, {"é", ""}, {"\n", " "}});
    return Normalize(R"({"type": "Precompiled", "precompiled_charsmap": ")" + map + "\"}", text);
  };
  EXPECT_EQ(normalize("ba\u0301a\u0302"), "bYX\u0302");
  EXPECT_EQ(normalize("é\n🙂 è"), " 🙂 è");
  EXPECT_EQ(normalize(""), "");
  EXPECT_EQ(Normalize(R"({"type": "Precompiled", "precompiled_charsmap": ""})", "a"), "a");
}

TEST(Normalizer, Nmt) {
  EXPECT_EQ(Normalize(R"({"type": "Nmt"})", "a\u0001\u007F\u008Fb\t\u200B\u2581\uFEFFc\u3000"), "ab    c\u3000");
}

TEST(Normalizer, Bert) {
  const std::string text = std::string("\0", 1) + "É\uFFFDİ\tx\u00ADy\u3000中a\u0904Σ";
  EXPECT_EQ(Normalize(R"({"type": "BertNormalizer"})", text), "ei xy  中 a\u0904σ");
  EXPECT_EQ(Normalize(R"({"type": "BertNormalizer", "lowercase": false, "strip_accents": null})", text),
            "Éİ xy  中 a\u0904Σ");
  EXPECT_EQ(Normalize(R"({"type": "BertNormalizer", "lowercase": true, "strip_accents": false})", "ÉA"), "éa");
  EXPECT_EQ(Normalize(R"({"type": "BertNormalizer", "lowercase": false, "strip_accents": true})", "ÉA"), "EA");
  EXPECT_EQ(Normalize(R"({"type": "BertNormalizer", "clean_text": false, "handle_chinese_chars": false})", "\t中"),
            "\t中");
}

TEST(Normalizer, ByteLevel) { EXPECT_EQ(Normalize(R"({"type": "ByteLevel"})", "a é"), "aĠÃ©"); }

TEST(Normalizer, SequenceKeepsItsOrder) {
  EXPECT_EQ(Normalize(R"({"type": "Sequence", "normalizers": [
      {"type": "Prepend", "prepend": "A"}, {"type": "Lowercase"}, {"type": "Prepend", "prepend": "B"}]})",
                      "X"),
            "Bax");
}

TEST(Normalizer, RefusesWhatIsMalformed) {
  const auto refuse = [](const std::string& json, const std::vector<std::string>& parts) {
    ExpectError([&] { Normalize(json, ""); }, parts);
  };
  refuse(R"({"type": "Nonesuch"})",
         {"DIR/tokenizer.json: type: \"Nonesuch\" is not supported; supported: Sequence, Prepend, Replace, NFC"});
  refuse(R"({"type": "Precompiled"})", {"the key \"precompiled_charsmap\" is missing"});
  refuse(R"({"type": "Precompiled", "precompiled_charsmap": "A"})",
         {"DIR/tokenizer.json: precompiled_charsmap: is not base 64: its length"});
  refuse(R"({"type": "Precompiled", "precompiled_charsmap": "AA-A"})", {"is not base 64 at offset 2"});
  refuse(R"({"type": "Precompiled", "precompiled_charsmap": "AAA="})",
         {"(precompiled_charsmap, 2 bytes)", "no length"});
  refuse(R"({"type": "BertNormalizer", "lowercase": 1})", {"lowercase: must be true or false, is 1"});
  refuse(R"({"prepend": "x"})", {"the key \"type\" is missing"});
  refuse(R"({"type": 3})", {"type: must be a string, is 3"});
  refuse(R"({"type": "Prepend"})", {"the key \"prepend\" is missing"});
  refuse(R"({"type": "Prepend", "prepend": ["a", "b"]})", {"prepend: must be a string, is an array of 2"});
  refuse(R"({"type": "Replace", "pattern": "a", "content": "b"})", {"pattern: must be an object, is \"a\""});
  refuse(R"({"type": "Replace", "pattern": {}, "content": "b"})",
         {"pattern: must be {\"String\": \"...\"} or {\"Regex\""});
  refuse(R"({"type": "Replace", "pattern": {"Regex": "a("}, "content": "b"})",
         {"pattern.Regex: the regular expression \"a(\" is malformed at offset 2", "parenthesis"});
  refuse(R"({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Nonesuch"}]})",
         {"normalizers[1].type: \"Nonesuch\""});
  refuse("[]", {"DIR/tokenizer.json: must be an object, is an array of 0"});
}

}  // namespace
}  // namespace w8a16
