#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace w8a16 {

class DecodeStage;

/// Text to token ids and back, as the tokenizer files of a Hugging Face directory define it. Immutable; cheap to copy;
/// may be used from several threads at once.
class Tokenizer {
 public:
  /// Reads the first of these that the directory has: tokenizer.json; SentencePiece's tokenizer.model; vocab.json with
  /// merges.txt; the last two with tokenizer_config.json, special_tokens_map.json and added_tokens.json. Throws Error
  /// naming the file and, for what is not supported, the key, its value and the supported ones.
  static Tokenizer Load(const std::filesystem::path& directory);
  /// Whether the directory has one of these layouts.
  static bool IsIn(const std::filesystem::path& directory);
  /// From the text of a tokenizer.json; `source` is what messages call it.
  static Tokenizer Parse(std::string_view json, std::string_view source);

  /// The ids of UTF-8 `text`; ill-formed bytes become U+FFFD first. With add_special_tokens the post-processor's
  /// template is applied (a leading BOS, say). Special tokens written in the text are recognised.
  std::vector<int32_t> Encode(std::string_view text, bool add_special_tokens) const;
  /// The text of `ids`. With skip_special_tokens, special tokens give nothing. Ids that do not exist give nothing.
  std::string Decode(std::span<const int32_t> ids, bool skip_special_tokens = true) const;

  int32_t vocab_size() const;  ///< largest id + 1, added tokens included
  /// The id of a token's exact text, or -1.
  int32_t TokenToId(std::string_view token) const;
  /// The token's text as the vocabulary has it; empty for an id that does not exist.
  std::string IdToToken(int32_t id) const;
  bool IsSpecial(int32_t id) const;

  struct Impl;

 private:
  explicit Tokenizer(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  friend class StreamDecoder;
  std::shared_ptr<const Impl> impl_;
};

/// Decodes ids one at a time for printing as they come: what Next returns is always whole UTF-8 characters, and all
/// pieces together are Decode of all ids. The cost of a token does not grow with the text before it.
class StreamDecoder {
 public:
  explicit StreamDecoder(Tokenizer tokenizer, bool skip_special_tokens = true);
  ~StreamDecoder();
  StreamDecoder(StreamDecoder&&) noexcept;
  StreamDecoder& operator=(StreamDecoder&&) noexcept;

  /// The text that is certain after `id`; may be empty.
  std::string Next(int32_t id);
  /// What is left at the end (incomplete characters as U+FFFD). The next id begins a new text.
  std::string Finish();

 private:
  void Start();

  Tokenizer tokenizer_;
  bool skip_special_;
  std::unique_ptr<std::string> output_;  // what the stages have given; at a fixed address, for they write to it
  std::unique_ptr<DecodeStage> stages_;
};

}  // namespace w8a16
