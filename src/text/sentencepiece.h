#pragma once

#include <memory>
#include <string_view>

#include "text/normalizer.h"
#include "text/sentencepiece_file.h"
#include "text/token_model.h"

namespace w8a16 {

/// The stages of our pipeline that do what SentencePiece's library does with a model.

/// Rewriting rules, spaces as U+2581, and the space that is put before all text (or behind it, with
/// treat_whitespace_as_suffix) where `dummy_prefix`. Throws Error naming `source` for malformed rules.
std::unique_ptr<Normalizer> MakeSentencePieceNormalizer(const SentencePieceFile& file, bool dummy_prefix,
                                                        std::string_view source);

/// The same ids as the library gives. Throws Error naming `source` for types of models other than Unigram and BPE, for
/// pieces that stand twice, and for BPE models with unused pieces.
std::unique_ptr<TokenModel> MakeSentencePieceModel(const SentencePieceFile& file, std::string_view source);

}  // namespace w8a16
