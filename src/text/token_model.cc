#include "text/token_model.h"

#include "text/bpe.h"
#include "text/component.h"
#include "text/unigram.h"
#include "text/word_piece.h"

namespace w8a16 {

std::unique_ptr<TokenModel> ParseTokenModel(const JsonNode& node) {
  static constexpr ComponentType<TokenModel> kTypes[] = {{"BPE", Make<TokenModel, BpeModel>},
                                                         {"Unigram", Make<TokenModel, UnigramModel>},
                                                         {"WordPiece", Make<TokenModel, WordPieceModel>}};
  // Files from before 2021 do not name the type; each has a key that the others lack.
  if (!node.Find("type")) {
    if (node.Find("merges")) return std::make_unique<BpeModel>(node);
    if (node.Find("unk_id")) return std::make_unique<UnigramModel>(node);
    if (node.Find("max_input_chars_per_word")) return std::make_unique<WordPieceModel>(node);
  }
  return MakeComponent<TokenModel>(node, kTypes);
}

}  // namespace w8a16
