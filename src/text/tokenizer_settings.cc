#include "text/tokenizer_settings.h"

#include <algorithm>

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

constexpr const char* kNames[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                  "pad_token", "cls_token", "mask_token"};

// Calls read(node) with the root of a file where it exists.
template <class Use>
void WithFile(const std::filesystem::path& path, Use use) {
  if (!std::filesystem::exists(path)) return;
  const std::string source = path.string();
  const Json document = ParseJson(ReadTextFile(path), source);
  const JsonNode root(document, source);
  root.Object();
  use(root);
}

int32_t ParseId(const JsonNode& node) { return static_cast<int32_t>(node.Integer(0, kMaxTokenId)); }

}  // namespace

TokenizerSettings TokenizerSettings::Read(const std::filesystem::path& directory) {
  TokenizerSettings settings;
  settings.source_ = (directory / "tokenizer_config.json").string();
  bool has_decoder = false;
  WithFile(directory / "tokenizer_config.json", [&](const JsonNode& root) {
    if (const auto name = root.Find("tokenizer_class")) {
      settings.class_ = name->String();
      if (settings.class_.ends_with("Fast")) settings.class_.resize(settings.class_.size() - 4);
    }
    for (const auto& [key, value] : root.Object().items()) {
      if (value.is_boolean()) settings.flags_[key] = value.get<bool>();
    }
    if (const auto decoder = root.Find("added_tokens_decoder")) {
      has_decoder = true;
      settings.ReadDecoder(*decoder);
    }
    settings.ReadNames(root);
  });
  // Newer directories have all tokens in added_tokens_decoder; added_tokens.json is a copy for older readers.
  if (!has_decoder) {
    WithFile(directory / "added_tokens.json", [&](const JsonNode& root) {
      for (const auto& [text, id] : root.Object().items()) {
        Token& token = settings.Entry(text);
        token.id = ParseId(root.At(text));
        token.where = StrCat((directory / "added_tokens.json").string(), ": ", text);
      }
    });
  }
  WithFile(directory / "special_tokens_map.json", [&](const JsonNode& root) { settings.ReadNames(root); });
  return settings;
}

TokenizerSettings::Token& TokenizerSettings::Entry(const std::string& text) {
  const auto found = std::find_if(tokens_.begin(), tokens_.end(), [&](const Token& t) { return t.text == text; });
  if (found != tokens_.end()) return *found;
  tokens_.emplace_back().text = text;
  return tokens_.back();
}

void TokenizerSettings::ReadFlags(const JsonNode& node, Token& token) {
  token.single_word = node.BoolOr("single_word", token.single_word);
  token.lstrip = node.BoolOr("lstrip", token.lstrip);
  token.rstrip = node.BoolOr("rstrip", token.rstrip);
}

// {"ID": {"content": "TEXT", "special": true, ...}, ...}
void TokenizerSettings::ReadDecoder(const JsonNode& node) {
  for (const auto& [key, value] : node.Object().items()) {
    const JsonNode item = node.At(key);
    const bool is_id = !key.empty() && key.size() < 9 && key.find_first_not_of("0123456789") == std::string::npos;
    if (!is_id || std::stoi(key) > kMaxTokenId) item.Fail("the key must be the id of a token");
    Token& token = Entry(item.At("content").String());
    token.id = std::stoi(key);
    token.where = StrCat(source_, ": ", item.path());
    token.special = item.BoolOr("special", false);
    ReadFlags(item, token);
  }
}

void TokenizerSettings::ReadNames(const JsonNode& root) {
  for (const char* key : kNames) {
    const auto node = root.Find(key);
    if (!node || names_.contains(key)) continue;
    names_[key] = node->json().is_object() ? node->At("content").String() : node->String();
    ReadName(*node);
  }
  if (const auto more = root.Find("additional_special_tokens")) {
    for (const JsonNode& item : more->Elements()) ReadName(item);
  }
}

// "TEXT" or {"content": "TEXT", "lstrip": false, ...}
void TokenizerSettings::ReadName(const JsonNode& node) {
  const bool has_flags = node.json().is_object();
  const std::string& text = has_flags ? node.At("content").String() : node.String();
  if (text.empty()) return;
  Token& token = Entry(text);
  token.special = true;
  if (has_flags) ReadFlags(node, token);
}

std::optional<bool> TokenizerSettings::Flag(const std::string& key) const {
  const auto found = flags_.find(key);
  return found == flags_.end() ? std::nullopt : std::optional(found->second);
}

std::string TokenizerSettings::Name(const std::string& key) const {
  const auto found = names_.find(key);
  return found == names_.end() ? std::string() : found->second;
}

void TokenizerSettings::SetDefault(const std::string& key, const std::string& text, bool lstrip) {
  if (!names_.emplace(key, text).second) return;
  const auto known = std::any_of(tokens_.begin(), tokens_.end(), [&](const Token& t) { return t.text == text; });
  Token& token = Entry(text);
  token.special = true;
  if (!known) token.lstrip = lstrip;
}

Json TokenizerSettings::AddedTokens(const Vocabulary& vocabulary) const {
  int32_t next = vocabulary.size();
  for (const Token& token : tokens_) next = std::max(next, token.id + 1);
  Json list = Json::array();
  for (const Token& token : tokens_) {
    const int32_t known = vocabulary.Find(token.text);
    const std::string* other = vocabulary.Text(token.id);
    if (token.id >= 0 && other != nullptr && *other != token.text) {
      throw Error(StrCat(token.where, ": the token \"", token.text, "\" has the id ", token.id, ", which is of \"",
                         *other, "\" in the vocabulary"));
    }
    if (token.id >= 0 && known >= 0 && known != token.id) {
      throw Error(StrCat(token.where, ": the token \"", token.text, "\" has the id ", token.id, " here and ", known,
                         " in the vocabulary"));
    }
    int32_t id = token.id >= 0 ? token.id : known;
    if (id < 0) id = next++;
    list.push_back({{"id", id},
                    {"content", token.text},
                    {"single_word", token.single_word},
                    {"lstrip", token.lstrip},
                    {"rstrip", token.rstrip},
                    {"normalized", false},
                    {"special", token.special}});
  }
  return list;
}

void TokenizerSettings::Fail(std::string_view key, std::string_view message) const {
  throw Error(StrCat(source_, ": ", key, ": ", message));
}

}  // namespace w8a16
