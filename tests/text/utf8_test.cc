#include "text/utf8.h"

#include <gtest/gtest.h>

#include <random>

namespace w8a16 {
namespace {

TEST(Utf8, ReplacesMaximalSubpartsAsTheUnicodeStandardShows) {
  // Tables 3-8 to 3-11 of section 3.9.
  const std::string r = "\uFFFD";
  EXPECT_EQ(ToWellFormedUtf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(ToWellFormedUtf8("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(ToWellFormedUtf8("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"), r + r + r + r + r + "A" + r + r + "B");
  EXPECT_EQ(ToWellFormedUtf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), r + r + r + r + "A");
  EXPECT_EQ(ToWellFormedUtf8("a\xE2\x82"), "a" + r);
}

TEST(Utf8, EveryCharacterComesBack) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    AppendUtf8(c, text);
    ASSERT_TRUE(IsWellFormedUtf8(text));
    ASSERT_EQ(CharacterAt(text, 0).code_point, c);
    ASSERT_EQ(CharacterAt(text, 0).length, text.size());
    ASSERT_EQ(PreviousCharacter(text, text.size()), 0u);
  }
}

TEST(Utf8, PartsGiveTheSameAsTheWhole) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    for (unsigned i = random() % 20; i > 0; --i)
      bytes += static_cast<char>("a\x80\xBF\xC3\xE2\xED\xF0\xF4\x9F"[random() % 9]);
    LossyUtf8 lossy;
    std::string out;
    for (const char c : bytes) {
      lossy.Push(std::string(1, c), out);
      ASSERT_TRUE(IsWellFormedUtf8(out));
    }
    lossy.Finish(out);
    EXPECT_EQ(out, ToWellFormedUtf8(bytes));
    EXPECT_EQ(IsWellFormedUtf8(bytes), out == bytes);
  }
}

TEST(Utf8, Properties) {
  for (const char32_t c : {U' ', U'\t', U'\r', U'\u0085', U'\u00A0', U'\u2003', U'\u3000'})
    EXPECT_TRUE(IsWhitespace(c));
  for (const char32_t c : {U'a', U'\u200B', U'\u180E', U'\u001F'}) EXPECT_FALSE(IsWhitespace(c));
  for (const char32_t c : {U'a', U'_', U'7', U'é', U'字', U'\u0301', U'\u200D', U'Ⓐ'}) EXPECT_TRUE(IsWordCharacter(c));
  for (const char32_t c : {U' ', U'-', U'½', U'▁', U'😀'}) EXPECT_FALSE(IsWordCharacter(c));
  for (const char32_t c : {U'7', U'½', U'Ⅷ', U'٣'}) EXPECT_TRUE(IsNumeric(c));
  for (const char32_t c : {U'!', U'$', U'~', U'。', U'«'}) EXPECT_TRUE(IsPunctuation(c));
  for (const char32_t c : {U'a', U' ', U'€', U'▁'}) EXPECT_FALSE(IsPunctuation(c));
}

}  // namespace
}  // namespace w8a16
