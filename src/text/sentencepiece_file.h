#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace w8a16 {

/// What a SentencePiece `tokenizer.model` holds, as far as encoding and decoding need it: the message ModelProto of
/// sentencepiece_model.proto (github.com/google/sentencepiece), whose names the members have.
struct SentencePieceFile {
  // In the order of the enumerations there, which begin with 1.
  enum class PieceType { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };
  enum class ModelType { kUnigram = 1, kBpe, kWord, kChar };

  struct Piece {
    std::string text;
    float score = 0;
    PieceType type = PieceType::kNormal;
  };

  std::vector<Piece> pieces;  ///< by id

  ModelType model_type = ModelType::kUnigram;
  bool treat_whitespace_as_suffix = false;
  bool byte_fallback = false;
  std::string bos_piece = "<s>";
  std::string eos_piece = "</s>";

  std::string precompiled_charsmap;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;

  /// Throws Error naming `source` for bytes that are no such message or refer to nothing.
  static SentencePieceFile Parse(std::string_view bytes, std::string_view source);

  /// The id of the piece of type kUnknown.
  int unk_id() const;
};

}  // namespace w8a16
