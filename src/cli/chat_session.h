#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/json.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"
#include "w8a16/model.h"

namespace w8a16 {

/// What a model answered.
struct ChatAnswer {
  std::string text;
  std::vector<int32_t> ids;
  FinishReason finish_reason = FinishReason::kLength;
  int64_t prompt_tokens = 0;     ///< of the whole conversation up to the answer
  int64_t prefilled_tokens = 0;  ///< of these, the ones that were not in the cache already
};

/// A conversation with a model. Keys and values of what was said stay: each question runs only the tokens that are new.
class ChatSession {
 public:
  /// `model` must outlive it. An answer ends at the model's end-of-text ids and the tokenizer's, and before each text
  /// of `stop`. `system`: what the conversation begins with; empty: nothing.
  ChatSession(Model& model, Tokenizer tokenizer, ChatTemplate chat_template, GenerateOptions options,
              std::vector<std::string> stop, std::string system);

  /// Puts a message to the model; `show` is called with the answer's text as it comes, and stops it by returning false.
  /// Both become part of the conversation. Nothing where the conversation no longer fits the context: it stays as it
  /// was. Throws Error where the template refuses the message.
  std::optional<ChatAnswer> Ask(const std::string& message, const std::function<bool(const std::string& piece)>& show);

  /// Forgets all but the system message.
  void Reset();

  const Json& messages() const { return messages_; }

 private:
  ChatAnswer Answer(const std::vector<int32_t>& prompt, const std::function<bool(const std::string& piece)>& show);

  Model& model_;
  Tokenizer tokenizer_;
  ChatTemplate template_;
  GenerateOptions options_;
  std::vector<std::string> stop_;
  std::string system_;
  Json messages_;
  KvCache cache_;
  std::vector<int32_t> cached_;  // what the cache holds
};

}  // namespace w8a16
