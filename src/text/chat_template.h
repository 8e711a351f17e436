#pragma once

#include <ctime>
#include <filesystem>
#include <optional>
#include <string>

#include "checkpoint/json.h"
#include "text/jinja/template.h"

namespace w8a16 {

/// How a model wants conversations written: the template of its directory and the special tokens that it names.
class ChatTemplate {
 public:
  /// Reads, as transformers does, the first of chat_template.jinja, `chat_template` in tokenizer_config.json (a text,
  /// or a list of named ones: "default" is taken) and chat_template.json. Nothing where there is none. Throws Error
  /// naming the file and, for a template, the line.
  static std::optional<ChatTemplate> Load(const std::filesystem::path& directory);

  /// The text of a conversation: `messages` is a list of {"role": ..., "content": ...}; with `add_generation_prompt`
  /// the beginning of the assistant's answer follows. It holds its special tokens: encode it without adding any. Throws
  /// Error with the message of the template where that refuses the conversation.
  std::string Render(const Json& messages, bool add_generation_prompt) const;

  /// The tokenizer's end-of-text token, as text; empty where tokenizer_config.json names none.
  std::string EosToken() const;

 private:
  ChatTemplate(jinja::Template chat_template, Json special_tokens)
      : template_(std::move(chat_template)), special_tokens_(std::move(special_tokens)) {}

  jinja::Template template_;
  Json special_tokens_;  // {"bos_token": "<s>", ...}
};

}  // namespace w8a16
