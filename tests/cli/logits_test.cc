#include <array>

#include "cli/command.h"
#include "w8a16/model.h"

namespace w8a16::testing {
namespace {

TEST(Logits, PrintedNumbersReadBackEqual) {
  const TinyModel tiny;
  const std::vector<int32_t> ids = {1, 17, 93, 5};
  const Json json = W8A16Json({"logits", tiny.path(), "--prompt-ids", "1,17,93,5", "--threads", "1"});
  ASSERT_EQ(json["logits"].size(), ids.size());

  Model model = Model::Load(tiny.path());
  KvCache cache(model);
  const std::array<SequenceInput, 1> input = {{{ids, &cache}}};
  const std::span<const float> logits = model.Forward(input, LogitsFor::kAllTokens);
  std::vector<float> printed;
  for (const Json& row : json["logits"]) {
    ASSERT_EQ(row.size(), 160);
    for (const Json& value : row) printed.push_back(value.get<float>());
  }
  EXPECT_EQ(printed, std::vector<float>(logits.begin(), logits.end()));
}

TEST(Logits, Golden) {
  const TinyModel model;
  const Json golden = ReadJson(GoldenDirectory("llama-gqa") / "golden.json");
  const auto flat = [](const Json& rows) {
    std::vector<float> values;
    for (const Json& row : rows) {
      for (const Json& value : row) values.push_back(value.get<float>());
    }
    return values;
  };
  const auto logits = [&](const std::string& weights) {
    return flat(W8A16Json({"logits", model.path(), "--prompt-ids", IdList(golden["input_ids"]), "--weights", weights,
                           "--dtype", "f32"})["logits"]);
  };
  EXPECT_LT(RelativeError(logits("original"), flat(golden["logits"])), 1e-4);
  EXPECT_LT(RelativeError(logits("w8a16"), flat(golden["w8a16_logits"])), 1e-4);
  EXPECT_GT(RelativeError(logits("w8a16"), flat(golden["logits"])), 1e-3);
}

TEST(Logits, PeopleGetTheLikeliest) {
  const TinyModel model;
  const Json golden = ReadJson(GoldenDirectory("llama-gqa") / "golden.json");
  const ProcessResult result = W8A16({"logits", model.path(), "--prompt-ids", IdList(golden["input_ids"])});
  EXPECT_EQ(result.exit_code, 0);
  const std::string last = result.out.substr(result.out.rfind("11   29"));
  EXPECT_THAT(last, ::testing::StartsWith("11   29  " + golden["greedy"][0].dump() + " ("));
}

TEST(Logits, BadIds) {
  const TinyModel model;
  ExpectFailure(W8A16({"logits", model.path(), "--prompt-ids", "160"}), {"160", "vocabulary"});
}

}  // namespace
}  // namespace w8a16::testing
