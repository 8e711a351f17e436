#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "text/byte_trie.h"
#include "text/json_node.h"
#include "text/normalizer.h"
#include "text/vocabulary.h"

namespace w8a16 {

/// The tokens that are found in the text as they stand, before the model sees it: special tokens and others.
class AddedTokens {
 public:
  struct Token {
    std::string text;
    int32_t id = 0;
    bool special = false;
    bool normalized = false;   ///< found in the normalized text, by its normalized form
    bool single_word = false;  ///< found only where no word character stands beside it
    bool lstrip = false;       ///< takes the whitespace to its left along
    bool rstrip = false;       ///< takes the whitespace to its right along
  };

  /// A part of a text: a token, or text between tokens (id = -1).
  struct Part {
    size_t begin;
    size_t end;
    int32_t id;
  };

  AddedTokens() = default;
  /// From `added_tokens` of a tokenizer.json; `normalizer` may be null. Throws Error naming the key for what is
  /// malformed, ids given twice, and tokens that the model has under another id.
  AddedTokens(const JsonNode& node, const Vocabulary& model, const Normalizer* normalizer);

  /// Cuts `text` at its tokens, of which the leftmost and among those the longest count: at the normalized ones, or at
  /// the others. The parts are not empty (a token's may be) and are together all of `text`.
  std::vector<Part> Split(std::string_view text, bool normalized) const;

  const Vocabulary& vocabulary() const { return vocabulary_; }
  bool IsSpecial(int32_t id) const { return specials_.contains(id); }

 private:
  std::vector<Token> tokens_;
  Vocabulary vocabulary_;
  std::unordered_set<int32_t> specials_;
  ByteTrie raw_;  // of indexes in tokens_, as the next
  ByteTrie normalized_;
};

}  // namespace w8a16
