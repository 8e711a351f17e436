#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "text/byte_trie.h"
#include "text/json_node.h"
#include "text/token_model.h"
#include "text/vocabulary.h"

namespace w8a16 {

/// BERT's model (Devlin et al. 2018, arXiv:1810.04805): each word is cut from the left into the longest tokens, all but
/// the first of which carry a prefix; a word that cannot be cut whole is one unknown token.
class WordPieceModel : public TokenModel {
 public:
  /// From the `model` of a tokenizer.json. Throws Error naming the key for what is malformed or refers to nothing.
  explicit WordPieceModel(const JsonNode& node);

  std::unique_ptr<Session> Start() const override;
  const Vocabulary& vocabulary() const override { return vocabulary_; }

 private:
  class WordPieceSession;

  Vocabulary vocabulary_;
  ByteTrie first_;  // what a word may begin with
  ByteTrie later_;  // what it may go on with, without the prefix
  int32_t unk_ = -1;
  size_t max_characters_ = 100;  // longer words are unknown
};

}  // namespace w8a16
