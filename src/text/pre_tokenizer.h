#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_node.h"

namespace w8a16 {

/// Text cut into pieces, none of them empty, in order. The model sees one piece at a time.
struct Pieces {
  struct Piece {
    size_t begin;
    size_t end;
    bool starts_text;  ///< begins where the whole input begins
  };
  std::string text;
  std::vector<Piece> list;

  /// All of `text` as one piece.
  Pieces(std::string whole, bool starts_text);
  std::string_view operator[](size_t i) const {
    return std::string_view(text).substr(list[i].begin, list[i].end - list[i].begin);
  }
};

/// The stage that cuts text before the model.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  /// Cuts pieces further, and may rewrite them. May be called from several threads at once.
  virtual void Apply(Pieces& pieces) const = 0;
};

/// The pre-tokenizer that `node` describes. Throws Error naming key, value and the supported ones.
std::unique_ptr<PreTokenizer> ParsePreTokenizer(const JsonNode& node);

}  // namespace w8a16
