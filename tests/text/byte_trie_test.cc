#include "text/byte_trie.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace w8a16 {
namespace {

TEST(ByteTrie, EqualsASearchThroughAllTexts) {
  std::mt19937 random(1);
  const auto random_text = [&](unsigned longest) {
    std::string text;
    for (unsigned i = random() % (longest + 1); i > 0; --i) text += "ab\xFF\0z"[random() % 5];
    return text;
  };
  for (int round = 0; round < 300; ++round) {
    std::map<std::string, int32_t> texts;
    for (unsigned i = random() % 30; i > 0; --i) texts.emplace(random_text(5), static_cast<int32_t>(random() % 100));
    const ByteTrie trie(std::vector<ByteTrie::Entry>(texts.begin(), texts.end()));
    const std::string text = random_text(30);
    for (size_t position = 0; position <= text.size(); ++position) {
      ByteTrie::Match expected{ByteTrie::kNoValue, position};
      for (size_t length = 1; position + length <= text.size(); ++length) {
        const auto found = texts.find(text.substr(position, length));
        if (found != texts.end()) expected = {found->second, position + length};
      }
      const auto match = trie.Longest(text, position);
      ASSERT_EQ(match.value, expected.value);
      ASSERT_EQ(match.end, expected.end);
    }
  }
}

TEST(ByteTrie, TheFirstOfEqualTextsCounts) {
  const ByteTrie trie({{"b", 3}, {"a", 2}, {"", 9}, {"a", 1}});
  EXPECT_EQ(trie.Longest("a", 0).value, 2);
  EXPECT_FALSE(trie.empty());
  EXPECT_TRUE(ByteTrie().empty());
  EXPECT_EQ(ByteTrie().Longest("a", 0).value, ByteTrie::kNoValue);
}

}  // namespace
}  // namespace w8a16
