#include "checkpoint/json.h"

#include "testing/files.h"

namespace w8a16 {
namespace {

using testing::ExpectError;
using testing::TempDir;

void ExpectRefused(const std::string& text, const std::vector<std::string>& parts) {
  ExpectError([&] { ParseJson(text, "DIR/config.json"); }, parts);
}

TEST(ParseJson, KeepsValuesAndTheOrderOfKeys) {
  const std::string text = R"({"z":[1,-2,2.5,"x\u00e9"],"a":{"t":true,"f":false,"n":null},"m":{},"e":[]})";
  EXPECT_EQ(ParseJson(text, "f").dump(), R"({"z":[1,-2,2.5,"xé"],"a":{"t":true,"f":false,"n":null},"m":{},"e":[]})");
}

TEST(ParseJson, TakesScalars) {
  EXPECT_EQ(ParseJson(" 18446744073709551615 ", "f").get<uint64_t>(), UINT64_MAX);
  EXPECT_EQ(ParseJson("\"x\"", "f"), "x");
}

TEST(ParseJson, NamesSourceLineAndColumn) {
  ExpectRefused("{\"a\": 1,\n  \"b\" 2}", {"DIR/config.json: line 2, column 7", "malformed JSON", "expected ':'"});
}

TEST(ParseJson, RefusesEmptyText) { ExpectRefused("", {"line 1, column 1", "unexpected end of input"}); }
TEST(ParseJson, RefusesATruncatedDocument) { ExpectRefused("{\"a\": [1, 2", {"unexpected end of input"}); }
TEST(ParseJson, RefusesASecondDocument) { ExpectRefused("{} {}", {"column 4", "expected end of input"}); }
TEST(ParseJson, RefusesATrailingComma) { ExpectRefused("[1,]", {"column 4"}); }
TEST(ParseJson, RefusesNumbersBeyondDouble) { ExpectRefused("[1e999]", {"column 6", "1e999"}); }
TEST(ParseJson, RefusesNaN) { ExpectRefused("{\"a\": NaN}", {"line 1, column 7", "invalid literal"}); }

TEST(ParseJson, RefusesInvalidUtf8WithoutRepeatingIt) {
  try {
    ParseJson("{\"a\": \"\xC3\x28\"}", "f");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("UTF-8"));
    EXPECT_EQ(std::string(error.what()).find('\xC3'), std::string::npos);
  }
}

TEST(ParseJson, RefusesAKeyThatStandsTwice) {
  ExpectRefused("{\"a\": 1,\n \"b\": {\"x\": 1, \"x\": 2}}", {"line 2", "\"x\" stands twice"});
}
TEST(ParseJson, AllowsTheSameKeyInDifferentObjects) {
  EXPECT_EQ(ParseJson(R"({"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]})", "f")["b"][1]["a"], 2);
}
TEST(ParseJson, SeesARepeatedKeyBehindItsEscapes) { ExpectRefused(R"({"a": 1, "\u0061": 2})", {"\"a\" stands twice"}); }

TEST(ParseJson, AllowsAHundredLevelsAndNoMore) {
  EXPECT_NO_THROW(ParseJson(std::string(100, '[') + std::string(100, ']'), "f"));
  ExpectRefused(std::string(101, '[') + std::string(101, ']'), {"column 101", "nested deeper than 100"});
  ExpectRefused(std::string(1'000'000, '['), {"nested deeper than 100"});
}

TEST(ParseJson, TakesAVocabularyInLinearTime) {
  // Looking each key up among the former ones would take minutes.
  std::string text = "{";
  for (int i = 0; i < 300'000; ++i) text += (i > 0 ? ",\"k" : "\"k") + std::to_string(i) + "\":" + std::to_string(i);
  const Json document = ParseJson(text + "}", "f");
  ASSERT_EQ(document.size(), 300'000U);
  EXPECT_EQ(std::prev(document.end()).key(), "k299999");
}

TEST(ReadTextFile, ReadsAllBytes) {
  const TempDir dir;
  const std::string text = std::string("a\0b\r\n", 5) + std::string(200'000, 'x');
  WriteTextFile(dir / "f", text);
  EXPECT_EQ(ReadTextFile(dir / "f"), text);
}
TEST(ReadTextFile, NamesAMissingFile) {
  const TempDir dir;
  ExpectError([&] { ReadTextFile(dir / "config.json"); }, {"config.json", "No such file"});
}
TEST(ReadTextFile, RefusesADirectory) {
  const TempDir dir;
  ExpectError([&] { ReadTextFile(dir.path()); }, {dir.path().string(), "Is a directory"});
}

}  // namespace
}  // namespace w8a16
