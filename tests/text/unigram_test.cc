#include "text/unigram.h"

#include <random>

#include "testing/files.h"
#include "text/tokenizers.h"

namespace w8a16 {
namespace {

using testing::ExpectError;
using Ids = std::vector<int32_t>;
using Pieces = std::vector<std::pair<const char*, double>>;

Ids Encode(const Json& json, const std::string& text) {
  return testing::ParseComponent(
      [&](const JsonNode& node) {
        Ids ids;
        ParseTokenModel(node)->Start()->Encode(text, ids);
        return ids;
      },
      json.dump());
}

Json Model(const Json& vocab) { return {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", vocab}}; }

Json Model(const Pieces& pieces) {
  Json vocab = Json::array();
  for (const auto& [text, score] : pieces) vocab.push_back(Json::array({text, score}));
  return Model(vocab);
}

TEST(Unigram, TakesTheBestSum) {
  const Json json = Model(Pieces{{"<unk>", 0}, {"a", -1}, {"b", -1}, {"ab", -1.5}, {"abb", -4}, {"é", -2}});
  EXPECT_EQ(Encode(json, "abb"), (Ids{3, 2}));
  EXPECT_EQ(Encode(json, "aéab"), (Ids{1, 5, 3}));
  // Files from before 2021 do not name the type.
  Json old = json;
  old.erase("type");
  EXPECT_EQ(Encode(old, "ab"), (Ids{3}));
}

TEST(Unigram, UnknownCharactersInARowAreOneToken) {
  Json json = Model(Pieces{{"?", 0}, {"a", -1}, {"<0xC3>", -1}, {"<0xA9>", -1}});
  EXPECT_EQ(Encode(json, "xéyax"), (Ids{0, 1, 0}));
  json["byte_fallback"] = true;
  EXPECT_EQ(Encode(json, "xéyaxx"), (Ids{0, 2, 3, 0, 1, 0}));
}

// Against all ways to cut random texts. Scores are powers of two and their sums, so that sums are exact and ties are
// ties: of those any may be taken.
TEST(Unigram, NoWayToCutIsBetter) {
  std::mt19937 random(2);
  for (int round = 0; round < 300; ++round) {
    const std::vector<std::string> letters = {"a", "b", "é"};
    Json vocab = Json::array({Json::array({"?", 0})});
    std::map<std::string, double> scores;
    for (int i = 0; i < 12; ++i) {
      std::string piece;
      for (unsigned k = random() % 3 + 1; k > 0; --k) piece += letters[random() % 3];
      const double score = -static_cast<double>(random() % 64) / 8;
      if (scores.emplace(piece, score).second) vocab.push_back(Json::array({piece, score}));
    }
    double min = 0;
    for (const auto& [piece, score] : scores) min = std::min(min, score);
    std::string text;
    std::vector<size_t> starts;
    for (unsigned i = random() % 12 + 1; i > 0; --i) {
      starts.push_back(text.size());
      text += letters[random() % 3];
    }
    starts.push_back(text.size());
    // The best sum of each suffix, from the last on.
    std::vector<double> best(starts.size(), 0);
    for (size_t begin = starts.size() - 1; begin-- > 0;) {
      best[begin] = -1e9;
      for (size_t end = begin + 1; end < starts.size(); ++end) {
        const auto found = scores.find(text.substr(starts[begin], starts[end] - starts[begin]));
        if (found != scores.end()) best[begin] = std::max(best[begin], found->second + best[end]);
        if (found == scores.end() && end == begin + 1) best[begin] = std::max(best[begin], min - 10 + best[end]);
      }
    }
    double sum = 0;
    size_t covered = 0;
    const Ids ids = Encode(Model(vocab), text);
    for (const int32_t id : ids) {
      sum += vocab[id][1].get<double>();
      covered += id == 0 ? 0 : vocab[id][0].get_ref<const std::string&>().size();
    }
    if (std::count(ids.begin(), ids.end(), 0) == 0) {
      ASSERT_EQ(sum, best[0]) << vocab.dump() << "\n" << text;
      ASSERT_EQ(covered, text.size());
    } else {
      ASSERT_LT(best[0], min - 9);
    }
  }
}

TEST(Unigram, AMillionTimesOneCharacter) {
  const Json json = Model(Pieces{{"?", 0}, {"a", -1}, {"aaaa", -1}});
  EXPECT_EQ(Encode(json, std::string(1'000'000, 'a')), Ids(250'000, 2));
  EXPECT_EQ(Encode(json, std::string(1'000'000, 'x')), Ids{0});
}

TEST(Unigram, RefusesWhatIsMalformed) {
  const auto refuse = [](const Json& json, const std::vector<std::string>& parts) {
    ExpectError([&] { Encode(json, "a"); }, parts);
  };
  refuse({{"type", "Unigram"}, {"unk_id", 0}}, {"DIR/tokenizer.json: the key \"vocab\" is missing"});
  refuse(Model(Json::object()), {"vocab: must be an array of [\"TEXT\", SCORE]"});
  refuse(Model(Json::array()), {"vocab: is empty"});
  for (const Json& item :
       {Json("a"), Json::array({"a"}), Json::array({1, 2}), Json::array({"a", "b"}), Json(nullptr)}) {
    refuse(Model(Json::array({Json::array({"?", 0}), item})), {"vocab: token 1, ", "must be [\"TEXT\", SCORE]"});
  }
  refuse(Model(Pieces{{"a", 0}, {"a", 1}}), {"vocab: the token \"a\" has the ids 0 and 1"});
  Json json = Model(Pieces{{"a", 0}});
  json["unk_id"] = 1;
  refuse(json, {"unk_id: is 1, but the vocabulary has 1 tokens"});
  json["unk_id"] = nullptr;
  refuse(json, {"unk_id: must be an integer"});
  json.erase("unk_id");
  refuse(json, {"the key \"unk_id\" is missing"});
}

}  // namespace
}  // namespace w8a16
