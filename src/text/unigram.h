#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "text/byte_trie.h"
#include "text/json_node.h"
#include "text/token_model.h"
#include "text/vocabulary.h"

namespace w8a16 {

/// The unigram language model of SentencePiece (Kudo 2018, arXiv:1804.10959): text is cut into the pieces whose scores
/// have the largest sum.
class UnigramModel : public TokenModel {
 public:
  /// From the `model` of a tokenizer.json. Throws Error naming the key for what is malformed or refers to nothing.
  explicit UnigramModel(const JsonNode& node);

  struct Options {
    int32_t unk = 0;       ///< for characters that no piece has; of several in a row only one
    double unk_score = 0;  ///< of such a character
    bool byte_fallback = false;
    /// Sums are float32, as SentencePiece has them; Hugging Face has float64. The two cut some texts differently where
    /// two ways are equally good.
    bool float_sums = false;
  };
  /// `pieces`: the ids of the texts that text is cut into; `scores`: by id, logarithms of probabilities.
  UnigramModel(Vocabulary vocabulary, std::vector<double> scores, ByteTrie pieces, Options options);

  std::unique_ptr<Session> Start() const override;
  const Vocabulary& vocabulary() const override { return vocabulary_; }

  /// How much worse an unknown character is than the worst piece.
  static constexpr double kUnkPenalty = 10;

 private:
  class UnigramSession;
  struct Definition {
    Vocabulary vocabulary;
    std::vector<double> scores;
    ByteTrie pieces;
    Options options;
  };

  static Definition Read(const JsonNode& node);
  explicit UnigramModel(Definition definition);

  Vocabulary vocabulary_;
  std::vector<double> scores_;
  ByteTrie pieces_;
  Options options_;
  std::array<int32_t, 256> byte_ids_{};  // -1: none
};

}  // namespace w8a16
