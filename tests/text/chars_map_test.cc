#include "text/chars_map.h"

#include <random>

#include "testing/files.h"
#include "text/chars_maps.h"
#include "text/utf8.h"

namespace w8a16 {
namespace {

using testing::ExpectError;

TEST(CharsMap, FindsTheLongestRule) {
  const CharsMap map(testing::CharsMapBytes({{"ab", "1"}, {"abc", "22"}, {"abcde", ""}, {"é", "e"}}));
  EXPECT_EQ(map.Find("xab", 0).length, 0u);
  EXPECT_EQ(map.Find("xab", 1).length, 2u);
  EXPECT_EQ(map.Find("xab", 1).replacement, "1");
  EXPECT_EQ(map.Find("abcd", 0).replacement, "22");
  EXPECT_EQ(map.Find("abcde", 0).length, 5u);
  EXPECT_EQ(map.Find("abcde", 0).replacement, "");
  EXPECT_EQ(map.Find("aé", 1).replacement, "e");
  EXPECT_EQ(map.Find("è", 0).length, 0u);
  EXPECT_EQ(CharsMap().Find("a", 0).length, 0u);
}

TEST(CharsMap, RefusesWhatIsMalformed) {
  const auto refuse = [](const std::string& bytes, const std::vector<std::string>& parts) {
    ExpectError([&] { CharsMap map(bytes); }, parts);
  };
  refuse("abc", {"precompiled_charsmap, 3 bytes", "has no length", "copy it again"});
  refuse(testing::LittleEndian(8) + "1234", {"its trie of 8 bytes"});
  refuse(testing::LittleEndian(3) + "123", {"its trie of 3 bytes"});
  refuse(testing::LittleEndian(0), {"its trie of 0 bytes"});
  refuse(testing::LittleEndian(0xFFFFFFFC), {"its trie of 4294967292 bytes"});
  refuse(testing::LittleEndian(4) + "1234\xFF", {"not UTF-8"});
}

// Whatever the units are: no step outside, and text stays well-formed.
TEST(CharsMap, SurvivesDamage) {
  std::mt19937 random(5);
  const std::string whole = testing::CharsMapBytes({{"ab", "é"}, {"a", "🙂"}, {"é", "e"}, {"éa", "x"}});
  const std::string text = "abéaé aab🙂";
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = whole;
    for (int i = 0; i < 20; ++i) {
      const size_t at = 4 + (random() % 3 == 0 ? random() % 1024 : random() % (bytes.size() - 4 - 20));
      bytes[at] = static_cast<char>(random());
    }
    const CharsMap map(bytes);
    std::string out;
    for (size_t i = 0; i < text.size();) {
      const auto rule = map.Find(text, i);
      out += rule.replacement;
      i += rule.length > 0 ? rule.length : CharacterAt(text, i).length;
    }
    ASSERT_TRUE(IsWellFormedUtf8(out));
  }
}

}  // namespace
}  // namespace w8a16
