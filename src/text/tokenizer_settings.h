#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/json.h"
#include "text/json_node.h"
#include "text/vocabulary.h"

namespace w8a16 {

/// What stands beside the vocabulary in a directory without tokenizer.json: `tokenizer_config.json`,
/// `special_tokens_map.json` and `added_tokens.json`, each of which may be missing.
class TokenizerSettings {
 public:
  /// Throws Error naming file and key for what is malformed.
  static TokenizerSettings Read(const std::filesystem::path& directory);

  /// `tokenizer_class` without its "Fast"; empty where it is not given.
  const std::string& tokenizer_class() const { return class_; }
  /// A key of tokenizer_config.json that is true or false, or nothing where it is missing.
  std::optional<bool> Flag(const std::string& key) const;
  /// The text of "bos_token" and the like; empty where there is none.
  std::string Name(const std::string& key) const;
  /// Sets the name of a token, and whether it takes the whitespace before it along, where the files do not.
  void SetDefault(const std::string& key, const std::string& text, bool lstrip = false);
  /// Makes a token of the vocabulary a special one.
  void AddSpecial(const std::string& text) { Entry(text).special = true; }

  /// The added tokens as a tokenizer.json lists them. Ids are the vocabulary's, or those of the files; tokens that have
  /// neither get the next free ones, in order. Throws Error naming file and key where the two disagree.
  Json AddedTokens(const Vocabulary& vocabulary) const;

  /// Throws Error: tokenizer_config.json, the key, and the message.
  [[noreturn]] void Fail(std::string_view key, std::string_view message) const;

 private:
  struct Token {
    std::string text;
    int32_t id = -1;    // -1: none given
    std::string where;  // file and key that give it
    bool special = false;
    bool single_word = false;
    bool lstrip = false;
    bool rstrip = false;
  };

  Token& Entry(const std::string& text);
  void ReadDecoder(const JsonNode& node);
  void ReadNames(const JsonNode& node);
  void ReadName(const JsonNode& node);
  static void ReadFlags(const JsonNode& node, Token& token);

  std::string source_;
  std::string class_;
  std::map<std::string, bool> flags_;
  std::map<std::string, std::string> names_;
  std::vector<Token> tokens_;
};

}  // namespace w8a16
