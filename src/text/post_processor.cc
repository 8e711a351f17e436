#include "text/post_processor.h"

#include "base/strings.h"
#include "text/component.h"
#include "text/vocabulary.h"

namespace w8a16 {
namespace {

int32_t TokenId(const JsonNode& node) { return static_cast<int32_t>(node.Integer(0, kMaxTokenId)); }

class PostProcessorSequence : public PostProcessor {
 public:
  explicit PostProcessorSequence(const JsonNode& node) {
    for (const JsonNode& item : node.At("processors").Elements()) items_.push_back(ParsePostProcessor(item));
  }
  void Apply(std::vector<int32_t>& ids) const override {
    for (const auto& item : items_) item->Apply(ids);
  }

 private:
  std::vector<std::unique_ptr<PostProcessor>> items_;
};

/// Trims the offsets of tokens, which nothing here has; the ids stay.
class ByteLevelOffsets : public PostProcessor {
 public:
  void Apply(std::vector<int32_t>&) const override {}
};

/// What stands before and after the text. Of TemplateProcessing the template for one text, "single".
class Surround : public PostProcessor {
 public:
  /// The ids of each place between copies of the text: one more than there are copies.
  explicit Surround(std::vector<std::vector<int32_t>> between) : between_(std::move(between)) {}

  void Apply(std::vector<int32_t>& ids) const override {
    std::vector<int32_t> out = between_.front();
    for (size_t i = 1; i < between_.size(); ++i) {
      out.insert(out.end(), ids.begin(), ids.end());
      out.insert(out.end(), between_[i].begin(), between_[i].end());
    }
    ids.swap(out);
  }

 private:
  std::vector<std::vector<int32_t>> between_;
};

std::unique_ptr<PostProcessor> ParseTemplate(const JsonNode& node) {
  std::vector<std::vector<int32_t>> between(1);
  for (const JsonNode& item : node.At("single").Elements()) {
    if (const auto sequence = item.Find("Sequence")) {
      const JsonNode id = sequence->At("id");
      if (id.String() != "A") id.Fail("must be \"A\": \"single\" is the template of one text");
      between.emplace_back();
      continue;
    }
    const auto special = item.Find("SpecialToken");
    if (!special) item.Fail("must be {\"Sequence\": ...} or {\"SpecialToken\": ...}");
    const JsonNode name = special->At("id");
    const auto definition = node.At("special_tokens").Find(name.String());
    if (!definition) name.Fail(StrCat("the token \"", name.String(), "\" is not in special_tokens"));
    for (const JsonNode& id : definition->At("ids").Elements()) between.back().push_back(TokenId(id));
  }
  return std::make_unique<Surround>(std::move(between));
}

// BERT's and RoBERTa's: cls, text, sep; each given as ["TEXT", id].
std::unique_ptr<PostProcessor> ParseClsSep(const JsonNode& node) {
  const auto read = [&node](std::string_view key) {
    const JsonNode pair = node.At(key);
    const auto elements = pair.Elements();
    if (elements.size() != 2) pair.Fail("must be [\"TOKEN\", ID]");
    return std::vector<int32_t>{TokenId(elements[1])};
  };
  return std::make_unique<Surround>(std::vector{read("cls"), read("sep")});
}

}  // namespace

std::unique_ptr<PostProcessor> ParsePostProcessor(const JsonNode& node) {
  static constexpr ComponentType<PostProcessor> kTypes[] = {
      {"Sequence", Make<PostProcessor, PostProcessorSequence>},
      {"TemplateProcessing", ParseTemplate},
      {"ByteLevel", MakePlain<PostProcessor, ByteLevelOffsets>},
      {"RobertaProcessing", ParseClsSep},
      {"BertProcessing", ParseClsSep},
  };
  return MakeComponent<PostProcessor>(node, kTypes);
}

}  // namespace w8a16
