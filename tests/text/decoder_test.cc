#include "text/decoder.h"

#include "testing/files.h"
#include "text/tokenizers.h"

namespace w8a16 {
namespace {

using testing::ExpectError;
using Strings = std::vector<std::string>;

// What comes out of a decoder, token by token.
class Recorder : public DecodeStage {
 public:
  explicit Recorder(Strings& out) : out_(out) {}
  void Push(std::string_view text, bool ends_token) override {
    current_ += text;
    if (!ends_token) return;
    out_.push_back(current_);
    current_.clear();
  }
  void Finish() override { EXPECT_EQ(current_, "") << "a token without end"; }

 private:
  Strings& out_;
  std::string current_;
};

Strings Decode(const std::string& json, const Strings& tokens) {
  const auto decoder = testing::ParseComponent(ParseDecoder, json);
  Strings out;
  const auto stages = decoder->Start(std::make_unique<Recorder>(out));
  for (const auto& token : tokens) stages->Push(token, true);
  stages->Finish();
  return out;
}

std::string Sequence(const std::string& items) { return R"({"type": "Sequence", "decoders": [)" + items + "]}"; }

TEST(Decoder, ByteLevel) {
  EXPECT_EQ(Decode(R"({"type": "ByteLevel"})", {"Hello", "Ġmy", "Ã", "©"}), (Strings{"Hello myé"}));
  // A token with characters that stand for no byte is taken as text.
  EXPECT_EQ(Decode(R"({"type": "ByteLevel"})", {"Ġ▁"}), (Strings{"Ġ▁"}));
  EXPECT_EQ(Decode(R"({"type": "ByteLevel"})", {"Ã", "a", "Ã"}), (Strings{"\uFFFDa\uFFFD"}));
}

TEST(Decoder, ByteFallback) {
  const std::string json = R"({"type": "ByteFallback"})";
  EXPECT_EQ(Decode(json, {"Hey", "friend!"}), (Strings{"Hey", "friend!"}));
  EXPECT_EQ(Decode(json, {"<0x61>"}), (Strings{"a"}));
  EXPECT_EQ(Decode(json, {"<0xE5>", "<0x8f>"}), (Strings{"\uFFFD", "\uFFFD"}));
  EXPECT_EQ(Decode(json, {"<0xE5>", "<0x8f>", "<0xab>", "a"}), (Strings{"叫", "a"}));
  EXPECT_EQ(Decode(json, {"<0x61>", "<0xE5>", "a"}), (Strings{"\uFFFD", "\uFFFD", "a"}));
  EXPECT_EQ(Decode(json, {"<0xG1>", "<0x1>", "<0x123>"}), (Strings{"<0xG1>", "<0x1>", "<0x123>"}));
}

TEST(Decoder, Strip) {
  EXPECT_EQ(Decode(R"({"type": "Strip", "content": "H", "start": 1, "stop": 0})", {"Hey", " friend!", "HHH"}),
            (Strings{"ey", " friend!", "HH"}));
  EXPECT_EQ(Decode(R"({"type": "Strip", "content": "y", "start": 0, "stop": 1})", {"Hey", " friend!", "y", ""}),
            (Strings{"He", " friend!", "", ""}));
  EXPECT_EQ(Decode(R"({"type": "Strip", "content": "x", "start": 2, "stop": 2})", {"xxxxx", "xxaxx", "xxx"}),
            (Strings{"x", "a", ""}));
}

TEST(Decoder, StripSeesThroughTheParts) {
  const std::string json = Sequence(R"({"type": "Fuse"}, {"type": "Strip", "content": "x", "start": 2, "stop": 2})");
  EXPECT_EQ(Decode(json, {"x", "x", "x", "a", "x", "x", "x", "x"}), (Strings{"xaxx"}));
  EXPECT_EQ(Decode(json, {"x", "x", "x"}), (Strings{""}));
  EXPECT_EQ(Decode(json, {"a", "x", "bx", "x", "x", "c"}), (Strings{"axbxxxc"}));
  EXPECT_EQ(Decode(json, {}), (Strings{""}));
}

TEST(Decoder, OtherKinds) {
  EXPECT_EQ(Decode(R"({"type": "Replace", "pattern": {"String": "▁"}, "content": " "})", {"▁a", "▁▁"}),
            (Strings{" a", "  "}));
  EXPECT_EQ(Decode(R"({"type": "Metaspace", "replacement": "▁", "add_prefix_space": true})", {"▁Hey", "▁you", "▁"}),
            (Strings{"Hey", " you", " "}));
  EXPECT_EQ(Decode(R"({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never"})", {"▁Hey", "▁you"}),
            (Strings{" Hey", " you"}));
  EXPECT_EQ(Decode(R"({"type": "BPEDecoder", "suffix": "</w>"})", {"He", "y</w>", "you</w>"}),
            (Strings{"He", "y ", "you"}));
  EXPECT_EQ(Decode(R"({"type": "Fuse"})", {"a", "", "b"}), (Strings{"ab"}));
  // Whole tokens behind parts: the expression sees all of the text.
  EXPECT_EQ(Decode(Sequence(R"({"type": "Fuse"}, {"type": "Replace", "pattern": {"Regex": "a+b"}, "content": "-"})"),
                   {"a", "a", "bc"}),
            (Strings{"-c"}));
}

TEST(Decoder, WordPiece) {
  const Strings tokens = {"##un", "##able", "do", "n", "##'t", ",", ".", "'", "it", "'s", "do not"};
  EXPECT_EQ(Decode(R"({"type": "WordPiece", "prefix": "##", "cleanup": false})", tokens),
            (Strings{"##un", "able", " do", " n", "'t", " ,", " .", " '", " it", " 's", " do not"}));
  EXPECT_EQ(Decode(R"({"type": "WordPiece", "prefix": "##", "cleanup": true})", tokens),
            (Strings{"##un", "able", " do", " n", "'t", ",", ".", " '", " it", "'s", " don't"}));
}

TEST(Decoder, RefusesWhatIsMalformed) {
  const auto refuse = [](const std::string& json, const std::vector<std::string>& parts) {
    ExpectError([&] { Decode(json, {}); }, parts);
  };
  refuse(R"({"type": "Nonesuch"})", {"type: \"Nonesuch\" is not supported; supported: Sequence, ByteLevel, Replace"});
  refuse(R"({"type": "Strip", "content": "a", "start": -1, "stop": 0})", {"start: must be an integer from 0"});
  refuse(R"({"type": "Strip", "content": "ab", "start": 1, "stop": 0})",
         {"content: must be a string of one character"});
  refuse(R"({"type": "BPEDecoder"})", {"the key \"suffix\" is missing"});
  refuse(Sequence(R"({"type": "Fuse"}, {"type": "CTC"})"), {"decoders[1].type: \"CTC\""});
}

}  // namespace
}  // namespace w8a16
