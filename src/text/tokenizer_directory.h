#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "checkpoint/json.h"
#include "text/normalizer.h"
#include "text/token_model.h"

namespace w8a16 {

/// A tokenizer before it is put together. Every layout of files is read into this one form.
struct TokenizerDefinition {
  std::string source;  ///< what messages call it
  Json document;       ///< as a tokenizer.json, but for the stages that stand here:
  std::unique_ptr<Normalizer> normalizer;
  std::unique_ptr<TokenModel> model;
};

/// Whether `directory` has one of the layouts that ReadTokenizerDirectory knows.
bool HasTokenizer(const std::filesystem::path& directory);

/// From the first of these that `directory` has: tokenizer.json; SentencePiece's tokenizer.model; vocab.json with
/// merges.txt. The last two are read with the files that TokenizerSettings knows, by the rules of their
/// `tokenizer_class` in Hugging Face's transformers. Throws Error naming file, key and remedy.
TokenizerDefinition ReadTokenizerDirectory(const std::filesystem::path& directory);

}  // namespace w8a16
