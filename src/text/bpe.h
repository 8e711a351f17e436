#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/byte_trie.h"
#include "text/json_node.h"
#include "text/merge_table.h"
#include "text/token_model.h"
#include "text/vocabulary.h"

namespace w8a16 {

/// Byte pair encoding (Sennrich et al. 2016, arXiv:1508.07909), over the characters of byte-level vocabularies or, with
/// byte_fallback, of SentencePiece ones.
class BpeModel : public TokenModel {
 public:
  /// From the `model` of a tokenizer.json. Throws Error naming the key for what is malformed or refers to nothing.
  explicit BpeModel(const JsonNode& node);
  /// From the two files of GPT-2's layout: an object of texts and ids, and an array of merges.
  BpeModel(const JsonNode& vocab, const JsonNode& merges);

  struct Options {
    int32_t unk = -1;  ///< -1: characters that the vocabulary lacks are left out
    bool fuse_unk = false;
    bool byte_fallback = false;
    bool ignore_merges = false;
    std::string prefix;  ///< of all symbols of a word but the first
    std::string suffix;  ///< of the last symbol of a word
    ByteTrie whole;      ///< ids of texts that are one token wherever they stand, and merge with nothing
  };
  /// Of merges with one rank the leftmost is done first, as of equal ones.
  BpeModel(Vocabulary vocabulary, const std::vector<MergeTable::Merge>& merges, Options options);

  std::unique_ptr<Session> Start() const override;
  const Vocabulary& vocabulary() const override { return vocabulary_; }

 private:
  class BpeSession;
  struct Definition {
    Vocabulary vocabulary;
    std::vector<MergeTable::Merge> merges;
    Options options;
  };

  static Definition Read(const JsonNode& node);
  static Definition Read(const JsonNode& vocab, const JsonNode& merges, Options options);
  explicit BpeModel(Definition definition);
  void FindJoints(const std::vector<MergeTable::Merge>& merges);

  void AppendSymbols(std::string_view piece, std::vector<int32_t>& symbols) const;
  int32_t CharacterId(std::string_view character, char32_t code_point) const;
  /// False where no merge can ever join what ends with symbol `left` and what begins with symbol `right`.
  bool MayJoin(int32_t left, int32_t right) const { return !joints_known_ || joints_.Find(left, right) != nullptr; }

  Vocabulary vocabulary_;
  MergeTable merges_;
  MergeTable joints_;  // the pairs of symbols across which something merges
  bool joints_known_ = false;
  Options options_;
  std::array<int32_t, 256> byte_ids_{};     // of "<0x00>" to "<0xFF>", -1: none
  std::array<int32_t, 0x800> short_ids_{};  // of the characters of one or two bytes, -1: none
};

}  // namespace w8a16
