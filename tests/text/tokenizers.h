#pragma once

#include <string>
#include <vector>

#include "checkpoint/json.h"
#include "text/byte_alphabet.h"
#include "text/chars_maps.h"
#include "text/json_node.h"
#include "text/tokenizer.h"

namespace w8a16::testing {

/// A tokenizer of GPT-2's kind: the 256 bytes, a few merges, one special token of id 300.
inline Json ByteLevelJson() {
  Json vocab = Json::object();
  for (int byte = 0; byte < 256; ++byte) {
    std::string text;
    BytesToAlphabet(std::string(1, static_cast<char>(byte)), text);
    vocab[text] = byte;
  }
  Json merges = Json::array();
  int32_t id = 256;
  for (const auto& [left, right] : std::vector<std::pair<std::string, std::string>>{{"h", "e"},
                                                                                    {"l", "l"},
                                                                                    {"he", "ll"},
                                                                                    {"hell", "o"},
                                                                                    {"Ġ", "w"},
                                                                                    {"Ġw", "o"},
                                                                                    {"r", "l"},
                                                                                    {"Ġwo", "rl"},
                                                                                    {"Ġworl", "d"},
                                                                                    {"Ġ", "Ġ"},
                                                                                    {"ĠĠ", "ĠĠ"},
                                                                                    {"Ã", "©"}}) {
    merges.push_back(left + " " + right);
    vocab[left + right] = id++;
  }
  return Json{{"version", "1.0"},
              {"added_tokens", Json::array({Json{{"id", 300}, {"content", "<|end|>"}, {"special", true}}})},
              {"normalizer", nullptr},
              {"pre_tokenizer",
               {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}}},
              {"post_processor", {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", false}}},
              {"decoder", {{"type", "ByteLevel"}}},
              {"model", {{"type", "BPE"}, {"vocab", std::move(vocab)}, {"merges", std::move(merges)}}}};
}

/// A tokenizer of Llama 2's kind: <unk>, <s>, </s>, the 256 bytes as tokens 3 to 258, some characters, a few merges.
inline Json SentencePieceJson() {
  Json vocab{{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}};
  for (int byte = 0; byte < 256; ++byte) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    vocab[std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + ">"] = byte + 3;
  }
  int32_t id = 259;
  for (const char* text : {"▁", "h", "e", "l", "o", "w", "r", "d", "é"}) vocab[text] = id++;
  Json merges = Json::array();
  for (const auto& [left, right] : std::vector<std::pair<std::string, std::string>>{{"▁", "h"},
                                                                                    {"l", "l"},
                                                                                    {"▁h", "e"},
                                                                                    {"▁he", "ll"},
                                                                                    {"▁hell", "o"},
                                                                                    {"▁", "w"},
                                                                                    {"o", "r"},
                                                                                    {"▁w", "or"},
                                                                                    {"l", "d"},
                                                                                    {"▁wor", "ld"},
                                                                                    {"▁", "▁"}}) {
    merges.push_back(Json::array({left, right}));
    vocab[left + right] = id++;
  }
  const auto added = [](int token_id, const char* text) {
    return Json{{"id", token_id}, {"content", text}, {"normalized", false}, {"special", true}};
  };
  return Json{
      {"added_tokens", Json::array({added(0, "<unk>"), added(1, "<s>"), added(2, "</s>")})},
      {"normalizer",
       {{"type", "Sequence"},
        {"normalizers", Json::array({Json{{"type", "Prepend"}, {"prepend", "▁"}},
                                     Json{{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "▁"}}})}}},
      {"pre_tokenizer", nullptr},
      {"post_processor",
       {{"type", "TemplateProcessing"},
        {"single", Json::array({Json{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}},
                                Json{{"Sequence", {{"id", "A"}, {"type_id", 0}}}}})},
        {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {1}}, {"tokens", {"<s>"}}}}}}}},
      {"decoder",
       {{"type", "Sequence"},
        {"decoders", Json::array({Json{{"type", "Replace"}, {"pattern", {{"String", "▁"}}}, {"content", " "}},
                                  Json{{"type", "ByteFallback"}}, Json{{"type", "Fuse"}},
                                  Json{{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}})}}},
      {"model",
       {{"type", "BPE"},
        {"unk_token", "<unk>"},
        {"fuse_unk", true},
        {"byte_fallback", true},
        {"vocab", std::move(vocab)},
        {"merges", std::move(merges)}}}};
}

/// A tokenizer of T5's kind.
inline Json UnigramJson() {
  const auto piece = [](const char* text, double score) { return Json::array({text, score}); };
  return Json{{"added_tokens", Json::array({Json{{"id", 0}, {"content", "<s>"}, {"special", true}}})},
              {"normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", CharsMapBase64({{"é", "e"}})}}},
              {"pre_tokenizer", {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "always"}}},
              {"decoder", {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "always"}}},
              {"model",
               {{"type", "Unigram"},
                {"unk_id", 1},
                {"byte_fallback", false},
                {"vocab", Json::array({piece("<s>", 0), piece("<unk>", 0), piece("▁", -2), piece("▁hell", -4),
                                       piece("o", -3), piece("▁wor", -5), piece("ld", -4.5)})}}}};
}

/// A tokenizer of BERT's kind.
inline Json WordPieceJson() {
  return Json{{"normalizer",
               {{"type", "BertNormalizer"},
                {"clean_text", true},
                {"handle_chinese_chars", true},
                {"strip_accents", nullptr},
                {"lowercase", true}}},
              {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
              {"post_processor",
               {{"type", "BertProcessing"}, {"sep", Json::array({"[SEP]", 1})}, {"cls", Json::array({"[CLS]", 2})}}},
              {"decoder", {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}},
              {"model",
               {{"type", "WordPiece"},
                {"unk_token", "[UNK]"},
                {"continuing_subword_prefix", "##"},
                {"max_input_chars_per_word", 100},
                {"vocab", {{"[UNK]", 0}, {"[SEP]", 1}, {"[CLS]", 2}, {"hell", 3}, {"##o", 4}, {"wor", 5}}}}}};
}

inline Tokenizer MakeTokenizer(const Json& json) { return Tokenizer::Parse(json.dump(), "DIR/tokenizer.json"); }

inline std::vector<std::string> TokensOf(const Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  std::vector<std::string> tokens;
  for (const int32_t id : ids) tokens.push_back(tokenizer.IdToToken(id));
  return tokens;
}

/// Keeps the parsed document of a component alive while it is read.
template <class Parse>
auto ParseComponent(Parse parse, const std::string& json) {
  const Json document = ParseJson(json, "DIR/tokenizer.json");
  return parse(JsonNode(document, "DIR/tokenizer.json"));
}

}  // namespace w8a16::testing
