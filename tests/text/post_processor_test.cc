#include "text/post_processor.h"

#include "testing/files.h"
#include "text/tokenizers.h"

namespace w8a16 {
namespace {

using testing::ExpectError;
using Ids = std::vector<int32_t>;

Ids Process(const std::string& json, Ids ids) {
  testing::ParseComponent(ParsePostProcessor, json)->Apply(ids);
  return ids;
}

constexpr const char* kTemplate = R"({"type": "TemplateProcessing",
  "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
             {"SpecialToken": {"id": "</s>", "type_id": 0}}],
  "special_tokens": {"<s>": {"id": "<s>", "ids": [1, 5], "tokens": ["<s>", "x"]}, "</s>": {"id": "</s>", "ids": [2], "tokens": ["</s>"]}}})";

TEST(PostProcessor, Templates) {
  EXPECT_EQ(Process(kTemplate, {7, 8}), (Ids{1, 5, 7, 8, 2}));
  EXPECT_EQ(Process(kTemplate, {}), (Ids{1, 5, 2}));
  EXPECT_EQ(
      Process(R"({"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A"}}], "special_tokens": {}})", {7}),
      (Ids{7}));
}

TEST(PostProcessor, OtherKinds) {
  EXPECT_EQ(Process(R"({"type": "ByteLevel", "trim_offsets": true})", {7}), (Ids{7}));
  for (const char* type : {"RobertaProcessing", "BertProcessing"}) {
    EXPECT_EQ(Process(std::string(R"({"type": ")") + type + R"(", "sep": ["</s>", 2], "cls": ["<s>", 0]})", {7}),
              (Ids{0, 7, 2}));
  }
  EXPECT_EQ(
      Process(std::string(R"({"type": "Sequence", "processors": [{"type": "ByteLevel"}, )") + kTemplate + "]}", {7}),
      (Ids{1, 5, 7, 2}));
}

TEST(PostProcessor, RefusesWhatIsMalformed) {
  const auto refuse = [](const std::string& json, const std::vector<std::string>& parts) {
    ExpectError([&] { Process(json, {}); }, parts);
  };
  refuse(R"({"type": "Other"})", {"\"Other\" is not supported; supported: Sequence, TemplateProcessing, ByteLevel"});
  refuse(R"({"type": "TemplateProcessing"})", {"the key \"single\" is missing"});
  refuse(R"({"type": "TemplateProcessing", "single": [{"Sequence": {"id": "B"}}]})",
         {"single[0].Sequence.id: must be \"A\""});
  refuse(R"({"type": "TemplateProcessing", "single": [{}]})", {"single[0]: must be {\"Sequence\": ...} or"});
  refuse(R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x"}}], "special_tokens": {}})",
         {"single[0].SpecialToken.id: the token \"x\" is not in special_tokens"});
  refuse(
      R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x"}}], "special_tokens": {"x": {"ids": [-1]}}})",
      {"special_tokens.x.ids[0]: must be an integer from 0"});
  refuse(R"({"type": "BertProcessing", "sep": ["a"], "cls": ["b", 1]})", {"must be [\"TOKEN\", ID]"});
}

TEST(PostProcessor, IdsMustBeInTheVocabulary) {
  Json json = testing::SentencePieceJson();
  json["post_processor"]["special_tokens"]["<s>"]["ids"] = {4000};
  ExpectError([&] { testing::MakeTokenizer(json); },
              {"post_processor: adds the id 4000, which is not in the vocabulary"});
}

}  // namespace
}  // namespace w8a16
