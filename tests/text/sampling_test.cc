#include "text/sampling.h"

#include <cmath>
#include <limits>
#include <map>

#include "testing/files.h"

namespace w8a16 {
namespace {

using testing::ExpectError;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// How often each id comes.
std::map<int32_t, int> Count(const SamplingOptions& options, const std::vector<float>& logits, int draws) {
  Sampler sampler(options);
  std::map<int32_t, int> counts;
  for (int i = 0; i < draws; ++i) ++counts[sampler.Sample(logits)];
  return counts;
}

std::vector<int32_t> Ids(const std::map<int32_t, int>& counts) {
  std::vector<int32_t> ids;
  for (const auto& [id, count] : counts) ids.push_back(id);
  return ids;
}

TEST(Sampler, GreedyTakesTheLowestIdAmongTheLargest) {
  Sampler sampler(SamplingOptions{});
  EXPECT_EQ(sampler.Sample(std::vector<float>{1, 3, -2, 3}), 1);
  EXPECT_EQ(sampler.Sample(std::vector<float>{-kInfinity, -kInfinity}), 0);
  EXPECT_EQ(sampler.Sample(std::vector<float>{0, kInfinity, kInfinity}), 1);
  EXPECT_EQ(sampler.Sample(std::vector<float>{-0.0f, 0.0f}), 0);
}

TEST(Sampler, GivesTheSameIdsEverywhere) {
  // Fixed by the generator: splitmix64 of seed 1234567 begins with 6457827717110365317, 3203168211198807973, ... (the
  // test vector of its reference implementation). Equal weights make of it floor(u * 8).
  Sampler sampler({.temperature = 1, .seed = 1234567});
  std::vector<int32_t> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(sampler.Sample(std::vector<float>(8, 0.5f)));
  std::vector<int32_t> expected;
  for (const uint64_t x : {6457827717110365317u, 3203168211198807973u, 9817491932198370423u, 4593380528125082431u,
                           16408922859458223821u}) {
    expected.push_back(static_cast<int32_t>(x >> 61));
  }
  EXPECT_EQ(ids, expected);
}

TEST(Sampler, DrawsByProbability) {
  const std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f), -kInfinity};
  const auto counts = Count({.temperature = 1, .seed = 5}, logits, 100'000);
  EXPECT_EQ(Ids(counts), (std::vector<int32_t>{0, 1, 2}));
  EXPECT_NEAR(counts.at(0), 50'000, 800);
  EXPECT_NEAR(counts.at(1), 30'000, 800);
  EXPECT_NEAR(counts.at(2), 20'000, 800);
  // Temperature 0.5 squares the probabilities: 25, 9, 4 of 38.
  const auto cold = Count({.temperature = 0.5f, .seed = 5}, logits, 100'000);
  EXPECT_NEAR(cold.at(0), 65'789, 800);
  EXPECT_NEAR(cold.at(2), 10'526, 800);
}

TEST(Sampler, TopK) {
  const std::vector<float> logits = {0, 2, 1, 2, 1, 1};
  EXPECT_EQ(Ids(Count({.temperature = 1, .top_k = 1}, logits, 200)), (std::vector<int32_t>{1}));
  EXPECT_EQ(Ids(Count({.temperature = 1, .top_k = 2}, logits, 200)), (std::vector<int32_t>{1, 3}));
  EXPECT_EQ(Ids(Count({.temperature = 1, .top_k = 3}, logits, 500)), (std::vector<int32_t>{1, 2, 3}));
  EXPECT_EQ(Ids(Count({.temperature = 9, .top_k = 100}, logits, 2000)), (std::vector<int32_t>{0, 1, 2, 3, 4, 5}));
}

TEST(Sampler, TopP) {
  const std::vector<float> logits = {std::log(0.125f), std::log(0.5f), std::log(0.25f), std::log(0.125f)};
  const auto kept = [&](float p) { return Ids(Count({.temperature = 1, .top_p = p}, logits, 500)); };
  EXPECT_EQ(kept(1e-6f), (std::vector<int32_t>{1}));
  EXPECT_EQ(kept(0.49f), (std::vector<int32_t>{1}));
  EXPECT_EQ(kept(0.51f), (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(kept(0.74f), (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(kept(0.76f), (std::vector<int32_t>{0, 1, 2}));
  EXPECT_EQ(kept(0.99f), (std::vector<int32_t>{0, 1, 2, 3}));
  // Top-k comes first, and top-p counts the probability of what it left: 2/3 and 1/3.
  EXPECT_EQ(Ids(Count({.temperature = 1, .top_k = 2, .top_p = 0.6f}, logits, 500)), (std::vector<int32_t>{1}));
  EXPECT_EQ(Ids(Count({.temperature = 1, .top_k = 2, .top_p = 0.7f}, logits, 500)), (std::vector<int32_t>{1, 2}));
}

TEST(Sampler, LimitsThatLeaveAllChangeNothing) {
  std::vector<float> logits(1000);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = std::sin(static_cast<float>(i)) * 4;
  Sampler plain({.temperature = 1, .seed = 3});
  Sampler limited({.temperature = 1, .top_k = 1000, .seed = 3});
  for (int i = 0; i < 200; ++i) EXPECT_EQ(plain.Sample(logits), limited.Sample(logits));
}

TEST(Sampler, InfiniteLogits) {
  EXPECT_EQ(Ids(Count({.temperature = 1}, {0, kInfinity, 5, kInfinity}, 200)), (std::vector<int32_t>{1, 3}));
  EXPECT_EQ(Ids(Count({.temperature = 1e-38f, .top_p = 0.5f}, {0, 1, -kInfinity}, 50)), (std::vector<int32_t>{1}));
}

TEST(Sampler, MinP) {
  const std::vector<float> logits = {std::log(0.125f), std::log(0.5f), std::log(0.25f), std::log(0.125f)};
  const auto kept = [&](float p) { return Ids(Count({.temperature = 1, .min_p = p}, logits, 500)); };
  EXPECT_EQ(kept(0), (std::vector<int32_t>{0, 1, 2, 3}));
  EXPECT_EQ(kept(0.24f), (std::vector<int32_t>{0, 1, 2, 3}));
  EXPECT_EQ(kept(0.26f), (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(kept(0.51f), (std::vector<int32_t>{1}));
  EXPECT_EQ(kept(1), (std::vector<int32_t>{1}));
  // After the temperature: 0.5 squares the probabilities, and 1/16 of the largest is left out.
  EXPECT_EQ(Ids(Count({.temperature = 0.5f, .min_p = 0.07f}, logits, 500)), (std::vector<int32_t>{1, 2}));
}

TEST(Sampler, RepetitionPenaltyMovesSeenTokensDown) {
  const std::vector<float> logits = {2.0f, 3.0f, -1.0f, -1.5f};
  const std::vector<int32_t> seen = {1, 1, 2, 99};  // once is as often as twice; 99 has no logit
  Sampler greedy({.repetition_penalty = 2});
  EXPECT_EQ(greedy.Sample(logits), 1);
  greedy.See(seen);
  EXPECT_EQ(greedy.Sample(logits), 0);  // 1.5 against 2
  Sampler negative({.repetition_penalty = 2});
  negative.See(std::vector<int32_t>{2});
  EXPECT_EQ(negative.Sample(std::vector<float>{-3.0f, -4.0f, -1.0f, -1.5f}), 3);  // -1 became -2
  Sampler reward({.repetition_penalty = 0.5f});
  reward.See(std::vector<int32_t>{0});
  EXPECT_EQ(reward.Sample(logits), 0);  // 4 against 3
}

TEST(Sampler, PenaltyComesBeforeTheLimits) {
  const std::vector<float> logits = {2, 3, 1, 1};
  Sampler sampler({.temperature = 1, .top_k = 1, .repetition_penalty = 2});
  sampler.See(std::vector<int32_t>{1});
  for (int i = 0; i < 50; ++i) EXPECT_EQ(sampler.Sample(logits), 0);
}

TEST(LogSumExp, IsExactWhereItCanBe) {
  EXPECT_EQ(LogSumExp(std::vector<float>{1, 1}), 1 + std::log(2.0));
  EXPECT_EQ(LogSumExp(std::vector<float>{1000, -1000}), 1000);
}

TEST(Sampler, RefusesWhatIsOutOfRange) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const float t : {-1.0f, nan, kInfinity})
    ExpectError([&] { Sampler({.temperature = t}); }, {"temperature must be"});
  for (const float p : {0.0f, -0.5f, 1.01f, nan})
    ExpectError([&] { Sampler({.top_p = p}); }, {"top_p must be above 0"});
  ExpectError([] { Sampler({.top_k = -1}); }, {"top_k must be at least 0"});
  for (const float p : {-0.1f, 1.1f, nan}) ExpectError([&] { Sampler({.min_p = p}); }, {"min_p must be"});
  for (const float p : {0.0f, -1.0f, nan, kInfinity}) {
    ExpectError([&] { Sampler({.repetition_penalty = p}); }, {"repetition_penalty must be"});
  }
  for (const float t : {0.0f, 1.0f}) {
    Sampler sampler({.temperature = t});
    ExpectError([&] { sampler.Sample({}); }, {"no logits"});
    ExpectError([&] { sampler.Sample(std::vector<float>{0, 1, nan}); }, {"logit of token 2 is NaN"});
  }
}

}  // namespace
}  // namespace w8a16
