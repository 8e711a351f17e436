#include "text/regex.h"

#include "testing/files.h"
#include "text/utf8.h"

namespace w8a16 {
namespace {

using testing::ExpectError;

std::vector<std::string> Matches(const Regex& regex, std::string_view text) {
  std::vector<std::string> matches;
  for (size_t start = 0; start < text.size();) {
    const auto match = regex.Find(text, start);
    if (!match || match->end == match->begin) break;
    matches.emplace_back(text.substr(match->begin, match->end - match->begin));
    start = match->end;
  }
  return matches;
}

using Strings = std::vector<std::string>;

TEST(Regex, SplitsAsLlama3) {
  const Regex regex(
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
  EXPECT_EQ(Matches(regex, "I'LL pay $12345 for  it!!\n\n ok"),
            (Strings{"I", "'LL", " pay", " $", "123", "45", " for", " ", " it", "!!\n\n", " ok"}));
}

TEST(Regex, SplitsAsQwen2) {
  const Regex regex(
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
  EXPECT_EQ(Matches(regex, "我有12个 apples’\n"), (Strings{"我有", "1", "2", "个", " apples", "’\n"}));
}

TEST(Regex, SplitsAsGpt4oAndDeepSeek) {
  const Regex gpt4o(
      R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
  EXPECT_EQ(Matches(gpt4o, "HTTPServer it's"), (Strings{"HTTPServer", " it's"}));
  const Regex deepseek(
      R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
  EXPECT_EQ(Matches(deepseek, "a [x] #tag"), (Strings{"a", " [", "x", "]", " #", "tag"}));
}

TEST(Regex, ReadsClassesAsOnigurumaDoes) {
  EXPECT_EQ(Matches(Regex(R"(\w+)"), "n\u0303a_1"), (Strings{"n\u0303a_1"}));
  EXPECT_EQ(Matches(Regex(R"([\w-]+)"), "a-b"), (Strings{"a-b"}));
  EXPECT_EQ(Matches(Regex(R"(\W+)"), "--a"), (Strings{"--"}));
  EXPECT_EQ(Matches(Regex(R"(\h+)"), "c0ffee "), (Strings{"c0ffee"}));
  EXPECT_EQ(Matches(Regex(R"([[:alpha:]]+)"), "ab1"), (Strings{"ab"}));
  EXPECT_EQ(Matches(Regex(R"([]a]+)"), "a]b"), (Strings{"a]"}));
  EXPECT_EQ(Matches(Regex(R"(^b)"), "a\nb"), (Strings{"b"}));
  EXPECT_EQ(Matches(Regex(R"(\\w)"), "\\w"), (Strings{"\\w"}));
}

TEST(Regex, WhitespaceIsThatOfUnicode) {
  const Regex is("\\s");
  const Regex is_not("\\S");
  const Regex in_set("[\\s]");
  for (char32_t c = 0; c < 0x11000; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    AppendUtf8(c, text);
    ASSERT_EQ(is.Find(text, 0).has_value(), IsWhitespace(c)) << static_cast<uint32_t>(c);
    ASSERT_EQ(is_not.Find(text, 0).has_value(), !IsWhitespace(c)) << static_cast<uint32_t>(c);
    ASSERT_EQ(in_set.Find(text, 0).has_value(), IsWhitespace(c)) << static_cast<uint32_t>(c);
  }
  // Complements inside brackets, as some patterns write them.
  EXPECT_TRUE(Regex("^[\\s\\S]$").Find("x", 0));
}

TEST(Regex, RefusesWhatItWouldMisread) {
  ExpectError([] { Regex("[a-z&&[^b]]"); }, {"\"[a-z&&[^b]]\" is not supported: an intersection of sets at offset 4"});
  ExpectError([] { Regex("[a[bc]]"); }, {"a set inside a set", "offset 2"});
  ExpectError([] { Regex(R"([^\W])"); }, {"a negated class inside brackets at offset 2"});
  ExpectError([] { Regex("[a"); }, {"malformed at offset 2"});
  ExpectError([] { Regex("\\"); }, {"malformed"});
}

TEST(Regex, TellsOfEndlessBacktracking) {
  const Regex regex("(a+)+$");
  ExpectError([&] { regex.Find(std::string(100, 'a') + "b", 0); }, {"\"(a+)+$\" failed", "limit"});
}

TEST(Regex, GoesOnWhereTheCompiledCodeRunsOutOfStack) {
  const std::string text(1'000'000, 'a');
  const auto match = Regex("(?:(a)|b)*").Find(text, 0);
  ASSERT_TRUE(match);
  EXPECT_EQ(match->end, text.size());
}

}  // namespace
}  // namespace w8a16
