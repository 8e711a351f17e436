#include "text/tokenizer_directory.h"

#include <fstream>

#include "testing/files.h"
#include "text/sentencepiece_files.h"
#include "text/tokenizer.h"
#include "text/tokenizers.h"
#include "text/vectors.h"

namespace w8a16 {
namespace {

namespace fs = std::filesystem;
using testing::ExpectError;
using testing::TempDir;
using testing::TokensOf;
using Ids = std::vector<int32_t>;
using Strings = std::vector<std::string>;

/// A directory to which files are written.
class Files {
 public:
  Files& Write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ / name, std::ios::binary) << text;
    return *this;
  }
  Files& WriteJson(const std::string& name, const Json& json) { return Write(name, json.dump()); }
  Files& Copy(const fs::path& from) {
    fs::copy(from, directory_.path());
    return *this;
  }
  /// What `text` becomes, special tokens and all.
  Strings Tokens(const std::string& text) const {
    const Tokenizer tokenizer = Tokenizer::Load(directory_.path());
    return TokensOf(tokenizer, tokenizer.Encode(text, true));
  }
  std::string Path(const std::string& name) const { return (directory_ / name).string(); }
  const fs::path& path() const { return directory_.path(); }

 private:
  TempDir directory_;
};

constexpr char kConfig[] = "tokenizer_config.json";

void Refuse(const Files& files, const Strings& parts) {
  ExpectError([&] { Tokenizer::Load(files.path()); }, parts);
}

TEST(TokenizerDirectory, TheFirstLayoutCounts) {
  Files files;
  EXPECT_FALSE(Tokenizer::IsIn(files.path()));
  EXPECT_FALSE(Tokenizer::IsIn(files.path() / "nonesuch"));
  Refuse(files, {files.path().string() + ": there is no tokenizer: none of tokenizer.json, tokenizer.model, and "
                                         "vocab.json with merges.txt; copy those files"});
  files.Write("merges.txt", "h e\n");
  EXPECT_FALSE(Tokenizer::IsIn(files.path()));
  files.WriteJson("vocab.json", Json{{"h", 0}, {"e", 1}, {"he", 2}});
  EXPECT_TRUE(Tokenizer::IsIn(files.path()));
  EXPECT_EQ(Tokenizer::Load(files.path()).Encode("he", true), Ids{2});
  files.Write("tokenizer.model", testing::PieceField("<unk>", 0, 2) + testing::PieceField("he", 0, 1) +
                                     testing::PieceField("▁", 0, 1) + testing::PieceField("<s>", 0, 3));
  EXPECT_EQ(Tokenizer::Load(files.path()).Encode("he", true), (Ids{3, 2, 1}));
  files.WriteJson("tokenizer.json", testing::ByteLevelJson());
  EXPECT_EQ(Tokenizer::Load(files.path()).Encode("he", true), Ids{256});
}

TEST(TokenizerDirectory, LlamaSettings) {
  Files files;
  files.Copy(testing::TokenizerData("bpe-llama") / "tokenizer.model");
  // Without settings, and as the library does: BOS, no EOS.
  EXPECT_EQ(files.Tokens("the</s>the"), (Strings{"<s>", "▁the", "</s>", "▁the"}));
  EXPECT_EQ(files.Tokens(""), Strings{"<s>"});
  const auto tokens = [&](const Json& config, const std::string& text) {
    return files.WriteJson(kConfig, config).Tokens(text);
  };
  EXPECT_EQ(
      tokens({{"tokenizer_class", "LlamaTokenizerFast"}, {"add_bos_token", false}, {"add_eos_token", true}}, "the"),
      (Strings{"▁the", "</s>"}));
  const Strings whole = tokens({{"legacy", true}}, " the");
  EXPECT_EQ(whole, (Strings{"<s>", "▁", "▁the"}));
  // Not "legacy": the space stands before the whole text only.
  const Strings modern = tokens({{"legacy", false}}, "the</s>the");
  EXPECT_EQ(Strings(modern.begin(), modern.begin() + 3), (Strings{"<s>", "▁the", "</s>"}));
  EXPECT_FALSE(modern[3].starts_with("▁"));
  EXPECT_FALSE(tokens({{"add_prefix_space", false}}, "the")[1].starts_with("▁"));
  EXPECT_EQ(tokens({{"bos_token", {{"content", "</s>"}, {"lstrip", false}}}}, "the"), (Strings{"</s>", "▁the"}));
}

TEST(TokenizerDirectory, LlamaAddedTokens) {
  Files files;
  files.Copy(testing::TokenizerData("bpe-llama") / "tokenizer.model");
  const int32_t size = Tokenizer::Load(files.path()).vocab_size();
  files.WriteJson("added_tokens.json", Json{{"<|im_end|>", size + 1}, {"[PAD]", size}});
  files.Write("special_tokens_map.json",
              R"({"pad_token": "[PAD]", "additional_special_tokens": ["<new>", {"content": "</s>"}]})");
  Tokenizer tokenizer = Tokenizer::Load(files.path());
  EXPECT_EQ(tokenizer.TokenToId("[PAD]"), size);
  EXPECT_EQ(tokenizer.TokenToId("<|im_end|>"), size + 1);
  EXPECT_EQ(tokenizer.TokenToId("<new>"), size + 2);
  EXPECT_TRUE(tokenizer.IsSpecial(size));
  EXPECT_FALSE(tokenizer.IsSpecial(size + 1));
  EXPECT_EQ(TokensOf(tokenizer, tokenizer.Encode("the<|im_end|>the<new>", false)),
            (Strings{"▁the", "<|im_end|>", "▁the", "<new>"}));
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("the<|im_end|>the<new>", true)), "the<|im_end|> the");
  // added_tokens_decoder replaces the older file, and has flags.
  files.WriteJson(kConfig, Json{{"added_tokens_decoder",
                                 {{std::to_string(size), {{"content", "<x>"}, {"special", true}, {"lstrip", true}}}}}});
  tokenizer = Tokenizer::Load(files.path());
  EXPECT_EQ(tokenizer.TokenToId("<|im_end|>"), -1);
  EXPECT_EQ(TokensOf(tokenizer, tokenizer.Encode("the  <x>", false)), (Strings{"▁the", "<x>"}));
}

TEST(TokenizerDirectory, Gpt2Settings) {
  Files files;
  for (const char* name : {"vocab.json", "merges.txt"}) files.Copy(testing::TokenizerData("gpt2-files") / name);
  const auto tokens = [&](const Json& config, const std::string& text) {
    return files.WriteJson(kConfig, config).Tokens(text);
  };
  // The class's own token gets the next id where the vocabulary lacks it.
  EXPECT_EQ(files.Tokens("the the<|endoftext|>"), (Strings{"the", "Ġthe", "<|endoftext|>"}));
  EXPECT_EQ(tokens({{"add_prefix_space", true}}, "the"), Strings{"Ġthe"});
  // As OPT has it.
  EXPECT_EQ(tokens({{"tokenizer_class", "GPT2Tokenizer"}, {"add_bos_token", true}, {"bos_token", "</s>"}}, "the"),
            (Strings{"</s>", "the"}));
  EXPECT_EQ(tokens({{"tokenizer_class", "RobertaTokenizerFast"}}, "the  <mask>"),
            (Strings{"<s>", "the", "<mask>", "</s>"}));
  EXPECT_EQ(tokens({{"tokenizer_class", "Qwen2Tokenizer"}}, "12e\u0301"), (Strings{"1", "2", "Ã©"}));
  const Tokenizer tokenizer = Tokenizer::Load(testing::TokenizerData("qwen2-files"));
  EXPECT_TRUE(tokenizer.IsSpecial(tokenizer.TokenToId("<|im_start|>")));
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("Hello<|im_end|> wörld 🙂", true)), "Hello wörld 🙂");
}

TEST(TokenizerDirectory, MergesMayHaveTheLineEndsOfWindows) {
  Files files;
  files.WriteJson("vocab.json", Json{{"h", 0}, {"e", 1}, {"he", 2}});
  files.Write("merges.txt", "#version: 0.2\r\nh e\r\n\r\n");
  EXPECT_EQ(files.Tokens("he"), Strings{"he"});
}

TEST(TokenizerDirectory, NamesFileAndKey) {
  Files files;
  files.WriteJson("vocab.json", Json{{"h", 0}, {"e", 0}}).Write("merges.txt", "h e\n");
  Refuse(files, {files.Path("vocab.json") + ": the tokens \"h\" and \"e\" have the same id 0"});
  files.WriteJson("vocab.json", Json{{"h", 0}, {"e", 1}});
  Refuse(files, {files.Path("merges.txt") + ": merge 0, \"h e\", refers to the token \"he\""});
  files.WriteJson("vocab.json", Json{{"h", 0}, {"e", 1}, {"he", 2}});
  files.Write("merges.txt", "#version: 0.2\nh e\nhe\n");
  Refuse(files, {files.Path("merges.txt") + ": merge 1, \"he\", must be two tokens with one space between them"});
  files.Write("merges.txt", "h e\n");

  const auto refuse = [&](const Json& config, const Strings& parts) {
    Strings all = parts;
    all.front() = files.Path(kConfig) + ": " + all.front();
    Refuse(files.WriteJson(kConfig, config), all);
  };
  refuse(
      {{"tokenizer_class", "XlmTokenizer"}},
      {"tokenizer_class: \"XlmTokenizer\" is not supported with a vocab.json and merges.txt; supported: GPT2Tokenizer",
       "save_pretrained", "tokenizer.json"});
  refuse({{"tokenizer_class", 3}}, {"tokenizer_class: must be a string, is 3"});
  refuse({{"bos_token", 3}}, {"bos_token: must be a string, is 3"});
  refuse({{"bos_token", {{"content", "x"}, {"lstrip", 1}}}}, {"bos_token.lstrip: must be true or false, is 1"});
  refuse({{"additional_special_tokens", 3}}, {"additional_special_tokens: must be an array"});
  refuse({{"added_tokens_decoder", {{"x", {{"content", "y"}}}}}},
         {"added_tokens_decoder.x: the key must be the id of a token"});
  refuse({{"added_tokens_decoder", {{"99999999", {{"content", "y"}}}}}},
         {"added_tokens_decoder.99999999: the key must be the id of a token"});
  refuse({{"added_tokens_decoder", {{"7", {{"special", true}}}}}},
         {"added_tokens_decoder.7: the key \"content\" is missing"});
  refuse({{"added_tokens_decoder", {{"1", {{"content", "y"}}}}}},
         {"added_tokens_decoder.1: the token \"y\" has the id 1, which is of \"e\" in the vocabulary"});
  refuse({{"added_tokens_decoder", {{"7", {{"content", "e"}}}}}},
         {"added_tokens_decoder.7: the token \"e\" has the id 7 here and 1 in the vocabulary"});
  refuse(Json::array(), {"must be an object"});
  files.WriteJson(kConfig, Json::object());
  files.WriteJson("added_tokens.json", Json{{"x", -1}});
  Refuse(files, {files.Path("added_tokens.json") + ": x: must be an integer from 0"});
  fs::remove(files.path() / "added_tokens.json");
  files.Write("special_tokens_map.json", "{");
  Refuse(files, {files.Path("special_tokens_map.json") + ": line 1"});
}

TEST(TokenizerDirectory, NamesFileAndKeyOfSentencePieceModels) {
  Files files;
  files.Write("tokenizer.model", "hello");
  Refuse(files, {files.Path("tokenizer.model") + ": is not a SentencePiece model"});
  files.Write("tokenizer.model", testing::PieceField("<unk>", 0, 2) + testing::PieceField("a", 0, 1));
  Refuse(files, {files.Path(kConfig) + ": add_bos_token: is true, but there is no bos_token; name one there"});
  files.WriteJson(kConfig, Json{{"add_bos_token", false}});
  EXPECT_EQ(files.Tokens("a"), (Strings{"<unk>", "a"}));
  files.WriteJson(kConfig, Json{{"tokenizer_class", "T5Tokenizer"}});
  Refuse(files, {files.Path(kConfig) + ": tokenizer_class: \"T5Tokenizer\" is not supported with a tokenizer.model",
                 "LlamaTokenizer", "save_pretrained"});
}

}  // namespace
}  // namespace w8a16
