#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

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

  std::unique_ptr<Session> Start() const override;
  const Vocabulary& vocabulary() const override { return vocabulary_; }

 private:
  class BpeSession;

  void ReadVocabulary(const JsonNode& node);
  std::vector<MergeTable::Merge> ReadMerges(const JsonNode& node) const;
  void FindJoints(const std::vector<MergeTable::Merge>& merges);

  void AppendSymbols(std::string_view piece, std::vector<int32_t>& symbols) const;
  int32_t CharacterId(std::string_view character, char32_t code_point) const;
  /// False where no merge can ever join what ends with symbol `left` and what begins with symbol `right`.
  bool MayJoin(int32_t left, int32_t right) const { return !joints_known_ || joints_.Find(left, right) != nullptr; }

  Vocabulary vocabulary_;
  MergeTable merges_;
  MergeTable joints_;  // the pairs of symbols across which something merges
  bool joints_known_ = false;
  int32_t unk_ = -1;
  bool fuse_unk_ = false;
  bool byte_fallback_ = false;
  bool ignore_merges_ = false;
  std::string prefix_;
  std::string suffix_;
  std::array<int32_t, 256> byte_ids_{};     // of "<0x00>" to "<0xFF>", -1: none
  std::array<int32_t, 0x800> short_ids_{};  // of the characters of one or two bytes, -1: none
};

}  // namespace w8a16
