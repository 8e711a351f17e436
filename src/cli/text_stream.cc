#include "cli/text_stream.h"

#include <utility>

#include "base/strings.h"

namespace w8a16 {

TextStream::TextStream(const std::optional<Tokenizer>& tokenizer, std::span<const int32_t> prompt) {
  if (!tokenizer) return;
  decoder_.emplace(*tokenizer);
  for (int32_t id : prompt) decoder_->Next(id);
}

std::string TextStream::Next(int32_t id) {
  if (decoder_) return Append(decoder_->Next(id));
  return Append(StrCat(std::exchange(first_, false) ? "" : ",", id));
}

std::string TextStream::Finish() { return Append(decoder_ ? decoder_->Finish() : std::string()); }

std::string TextStream::Append(std::string piece) {
  text_ += piece;
  return piece;
}

}  // namespace w8a16
