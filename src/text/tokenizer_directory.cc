#include "text/tokenizer_directory.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "text/bpe.h"
#include "text/json_node.h"
#include "text/sentencepiece.h"
#include "text/tokenizer_settings.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

namespace fs = std::filesystem;

constexpr const char* kJson = "tokenizer.json";
constexpr const char* kSentencePiece = "tokenizer.model";
constexpr const char* kVocab = "vocab.json";
constexpr const char* kMerges = "merges.txt";

constexpr std::string_view kRemedy =
    "AutoTokenizer.from_pretrained(DIRECTORY).save_pretrained(DIRECTORY) of Hugging Face's transformers writes a "
    "tokenizer.json, which is read instead";

// The template that puts `before` and `after` around a text; nothing for an empty name.
Json SurroundingTemplate(const std::string& before, const std::string& after, const Json& added_tokens) {
  Json single = Json::array();
  Json special_tokens = Json::object();
  const auto add = [&](const std::string& text) {
    if (text.empty()) return;
    single.push_back({{"SpecialToken", {{"id", text}, {"type_id", 0}}}});
    const auto token = std::find_if(added_tokens.begin(), added_tokens.end(),
                                    [&](const Json& item) { return item["content"] == text; });
    special_tokens[text] = {{"id", text}, {"ids", Json::array({(*token)["id"]})}, {"tokens", Json::array({text})}};
  };
  add(before);
  single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  add(after);
  return {{"type", "TemplateProcessing"}, {"single", single}, {"special_tokens", special_tokens}};
}

// The name of the token that `flag` adds to every text; empty where it is off.
std::string AddedName(const TokenizerSettings& settings, const std::string& flag, bool by_default,
                      const std::string& key) {
  if (!settings.Flag(flag).value_or(by_default)) return "";
  std::string name = settings.Name(key);
  if (name.empty()) settings.Fail(flag, StrCat("is true, but there is no ", key, "; name one there"));
  return name;
}

[[noreturn]] void FailClass(const TokenizerSettings& settings, std::string_view file, std::string_view supported) {
  settings.Fail("tokenizer_class", StrCat("\"", settings.tokenizer_class(), "\" is not supported with a ", file,
                                          "; supported: ", supported, "; ", kRemedy));
}

TokenizerDefinition ReadSentencePiece(const fs::path& directory) {
  TokenizerDefinition definition;
  definition.source = (directory / kSentencePiece).string();
  const auto file = SentencePieceFile::Parse(ReadTextFile(directory / kSentencePiece), definition.source);
  TokenizerSettings settings = TokenizerSettings::Read(directory);
  // Those whose ids are the model's own; others move them or add to them.
  const std::vector<std::string> supported = {"LlamaTokenizer", "CodeLlamaTokenizer", "GemmaTokenizer"};
  const std::string& name = settings.tokenizer_class();
  if (!name.empty() && std::find(supported.begin(), supported.end(), name) == supported.end()) {
    FailClass(settings, kSentencePiece,
              StrCat(Join(supported, ", "), " (the right one for most other classes that keep the model's ids)"));
  }
  const auto set_default = [&](const std::string& key, const std::string& text) {
    const auto has_text = [&](const auto& piece) { return piece.text == text; };
    if (std::any_of(file.pieces.begin(), file.pieces.end(), has_text)) settings.SetDefault(key, text);
  };
  set_default("bos_token", file.bos_piece);
  set_default("eos_token", file.eos_piece);
  for (const auto& piece : file.pieces) {
    using Type = SentencePieceFile::PieceType;
    if (piece.type == Type::kControl || piece.type == Type::kUnknown) settings.AddSpecial(piece.text);
  }

  const bool prefix = file.add_dummy_prefix && settings.Flag("add_prefix_space").value_or(true);
  // `legacy` puts the space before what stands behind special tokens, too.
  const bool legacy = settings.Flag("legacy").value_or(true);
  definition.normalizer = MakeSentencePieceNormalizer(file, prefix && legacy, definition.source);
  definition.model = MakeSentencePieceModel(file, definition.source);
  Json& root = definition.document;
  root["added_tokens"] = settings.AddedTokens(definition.model->vocabulary());
  if (prefix && !legacy) {
    root["pre_tokenizer"] = {
        {"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "first"}, {"split", false}};
  }
  root["post_processor"] =
      SurroundingTemplate(AddedName(settings, "add_bos_token", true, "bos_token"),
                          AddedName(settings, "add_eos_token", false, "eos_token"), root["added_tokens"]);
  Json decoders = {{{"type", "Replace"}, {"pattern", {{"String", "▁"}}}, {"content", " "}},
                   {{"type", "ByteFallback"}},
                   {{"type", "Fuse"}}};
  const bool strips = prefix || file.remove_extra_whitespaces;
  if (strips) {
    const bool left = !file.treat_whitespace_as_suffix;
    decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", left ? 1 : 0}, {"stop", left ? 0 : 1}});
  }
  root["decoder"] = {{"type", "Sequence"}, {"decoders", decoders}};
  return definition;
}

Json ReadMergeLines(const fs::path& path) {
  const std::string text = ReadTextFile(path);
  Json merges = Json::array();
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) merges.push_back(std::move(line));
    begin = end + 1;
  }
  return merges;
}

TokenizerDefinition ReadVocabAndMerges(const fs::path& directory) {
  TokenizerDefinition definition;
  definition.source = (directory / kVocab).string();
  const Json vocab = ParseJson(ReadTextFile(directory / kVocab), definition.source);
  const std::string merges_source = (directory / kMerges).string();
  const Json merges = ReadMergeLines(directory / kMerges);
  definition.model = std::make_unique<BpeModel>(JsonNode(vocab, definition.source), JsonNode(merges, merges_source));

  TokenizerSettings settings = TokenizerSettings::Read(directory);
  const std::string& name = settings.tokenizer_class();
  const bool qwen = name == "Qwen2Tokenizer";
  const bool roberta = name == "RobertaTokenizer" || name == "BartTokenizer";
  if (!name.empty() && name != "GPT2Tokenizer" && name != "CodeGenTokenizer" && !qwen && !roberta) {
    FailClass(settings, StrCat(kVocab, " and ", kMerges),
              "GPT2Tokenizer, CodeGenTokenizer, Qwen2Tokenizer, RobertaTokenizer, BartTokenizer");
  }
  // The names that each class has where no file names others.
  if (roberta) {
    for (const auto& [key, text] : {std::pair{"bos_token", "<s>"},
                                    {"eos_token", "</s>"},
                                    {"sep_token", "</s>"},
                                    {"cls_token", "<s>"},
                                    {"unk_token", "<unk>"},
                                    {"pad_token", "<pad>"}}) {
      settings.SetDefault(key, text);
    }
    settings.SetDefault("mask_token", "<mask>", true);
  } else {
    settings.SetDefault("eos_token", "<|endoftext|>");
    if (!qwen) settings.SetDefault("bos_token", "<|endoftext|>");
  }

  Json& root = definition.document;
  root["added_tokens"] = settings.AddedTokens(definition.model->vocabulary());
  const bool add_prefix_space = settings.Flag("add_prefix_space").value_or(false);
  const Json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", add_prefix_space}, {"use_regex", !qwen}};
  root["pre_tokenizer"] = bytes;
  if (qwen) {
    root["normalizer"] = {{"type", "NFC"}};
    const std::string pattern =
        R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
    const Json split = {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}};
    root["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", Json::array({split, bytes})}};
  }
  root["post_processor"] = SurroundingTemplate(
      roberta ? settings.Name("cls_token") : AddedName(settings, "add_bos_token", false, "bos_token"),
      roberta ? settings.Name("sep_token") : "", root["added_tokens"]);
  root["decoder"] = {{"type", "ByteLevel"}};
  return definition;
}

enum class Layout { kNone, kTokenizerJson, kSentencePieceModel, kVocabAndMerges };

Layout FindLayout(const fs::path& directory) {
  const auto has = [&](const char* name) {
    std::error_code ignored;
    return fs::exists(directory / name, ignored);
  };
  if (has(kJson)) return Layout::kTokenizerJson;
  if (has(kSentencePiece)) return Layout::kSentencePieceModel;
  if (has(kVocab) && has(kMerges)) return Layout::kVocabAndMerges;
  return Layout::kNone;
}

}  // namespace

bool HasTokenizer(const fs::path& directory) { return FindLayout(directory) != Layout::kNone; }

TokenizerDefinition ReadTokenizerDirectory(const fs::path& directory) {
  switch (FindLayout(directory)) {
    case Layout::kTokenizerJson: {
      TokenizerDefinition definition;
      definition.source = (directory / kJson).string();
      definition.document = ParseJson(ReadTextFile(directory / kJson), definition.source);
      return definition;
    }
    case Layout::kSentencePieceModel:
      return ReadSentencePiece(directory);
    case Layout::kVocabAndMerges:
      return ReadVocabAndMerges(directory);
    case Layout::kNone:
      break;
  }
  throw Error(StrCat(directory.string(), ": there is no tokenizer: none of ", kJson, ", ", kSentencePiece, ", and ",
                     kVocab, " with ", kMerges, "; copy those files from where the model is from"));
}

}  // namespace w8a16
