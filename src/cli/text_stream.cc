#include "cli/text_stream.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"

namespace w8a16 {

TextStream::TextStream(const std::optional<Tokenizer>& tokenizer, std::span<const int32_t> prompt,
                       const std::vector<std::string>& stop)
    : stop_(stop) {
  if (!tokenizer) return;
  decoder_.emplace(*tokenizer);
  size_t certain = 0;
  for (int32_t id : prompt) certain += decoder_->Next(id).size();
  // The end of the prompt may become certain with the first new token only (a run of byte tokens does).
  prompt_bytes_left_ = tokenizer->Decode(prompt).size() - certain;
}

std::string TextStream::Next(int32_t id) {
  if (decoder_) return Append(decoder_->Next(id));
  return Append(StrCat(std::exchange(first_, false) ? "" : ",", id));
}

std::string TextStream::Finish() {
  std::string piece = Append(decoder_ ? decoder_->Finish() : std::string());
  const std::string held = stop_.Finish();
  text_ += held;
  return piece + held;
}

std::string TextStream::Append(std::string piece) {
  piece = stop_.Push(WithoutPrompt(std::move(piece)));
  text_ += piece;
  return piece;
}

std::string TextStream::WithoutPrompt(std::string piece) {
  if (prompt_bytes_left_ > 0 && !piece.empty()) {
    size_t drop = std::min(prompt_bytes_left_, piece.size());
    prompt_bytes_left_ -= drop;
    // A character that the prompt began and the new text completes goes whole.
    while (drop < piece.size() && (static_cast<unsigned char>(piece[drop]) & 0xC0U) == 0x80U) ++drop;
    piece.erase(0, drop);
  }
  return piece;
}

}  // namespace w8a16
