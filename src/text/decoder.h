#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "text/json_node.h"

namespace w8a16 {

/// A decoder at work on one text: texts of tokens go in at the front of a chain of these, and what is certain comes out
/// at its end at once. Printing as tokens come and decoding all of them are the same code, so that they cannot differ.
class DecodeStage {
 public:
  virtual ~DecodeStage() = default;
  /// Well-formed text that continues the current token, which ends with it where `ends_token`.
  virtual void Push(std::string_view text, bool ends_token) = 0;
  /// The end of all tokens: hands on what was held back, and ends the next stage.
  virtual void Finish() = 0;
};

/// The last stage of the pipeline, by which tokens become text.
class TokenDecoder {
 public:
  virtual ~TokenDecoder() = default;
  /// Begins a text whose output goes to `next`. May be called from several threads at once; the decoder must outlive
  /// the stage.
  virtual std::unique_ptr<DecodeStage> Start(std::unique_ptr<DecodeStage> next) const = 0;
};

/// The decoder that `node` describes. Throws Error naming key, value and the supported ones.
std::unique_ptr<TokenDecoder> ParseDecoder(const JsonNode& node);

/// What a tokenizer.json without a decoder means: the tokens with spaces between them.
std::unique_ptr<TokenDecoder> MakeSpacingDecoder();

}  // namespace w8a16
