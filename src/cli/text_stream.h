#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "text/stop_strings.h"
#include "text/tokenizer.h"

namespace w8a16 {

/// The text of tokens that continue a prompt, piece by piece. Decoding starts with the prompt, so that a space between
/// it and the first new word is kept. Without a tokenizer the text is the ids, separated by commas.
class TextStream {
 public:
  /// The text ends before the first of the strings `stop`.
  TextStream(const std::optional<Tokenizer>& tokenizer, std::span<const int32_t> prompt,
             const std::vector<std::string>& stop = {});
  /// What became certain with `id`.
  std::string Next(int32_t id);
  /// What is left at the end.
  std::string Finish();
  /// One of the strings that end the text has come.
  bool stopped() const { return stop_.stopped(); }
  /// All pieces so far.
  const std::string& text() const { return text_; }

 private:
  std::string Append(std::string piece);
  std::string WithoutPrompt(std::string piece);

  std::optional<StreamDecoder> decoder_;
  StopStrings stop_;
  size_t prompt_bytes_left_ = 0;  // of the prompt's text that the decoder has not given out yet
  bool first_ = true;
  std::string text_;
};

}  // namespace w8a16
