#include "cli/chat_session.h"

#include <algorithm>
#include <utility>

#include "cli/text_stream.h"

namespace w8a16 {

ChatSession::ChatSession(Model& model, Tokenizer tokenizer, ChatTemplate chat_template, GenerateOptions options,
                         std::vector<std::string> stop, std::string system)
    : model_(model),
      tokenizer_(std::move(tokenizer)),
      template_(std::move(chat_template)),
      options_(std::move(options)),
      stop_(std::move(stop)),
      system_(std::move(system)),
      cache_(model) {
  // Some models name the end of an answer in the tokenizer's files alone.
  const std::string end = template_.EosToken();
  if (const int32_t id = end.empty() ? -1 : tokenizer_.TokenToId(end); id >= 0) options_.stop_ids.push_back(id);
  Reset();
}

void ChatSession::Reset() {
  messages_ = Json::array();
  if (!system_.empty()) messages_.push_back({{"role", "system"}, {"content", system_}});
}

std::optional<ChatAnswer> ChatSession::Ask(const std::string& message,
                                           const std::function<bool(const std::string& piece)>& show) {
  Json asked = messages_;
  asked.push_back({{"role", "user"}, {"content", message}});
  // The template has written the special tokens.
  const std::vector<int32_t> prompt = tokenizer_.Encode(template_.Render(asked, true), false);
  if (static_cast<int64_t>(prompt.size()) > model_.context()) return std::nullopt;
  ChatAnswer answer = Answer(prompt, show);
  messages_ = std::move(asked);
  messages_.push_back({{"role", "assistant"}, {"content", answer.text}});
  return answer;
}

ChatAnswer ChatSession::Answer(const std::vector<int32_t>& prompt,
                               const std::function<bool(const std::string& piece)>& show) {
  const auto same = std::mismatch(prompt.begin(), prompt.end(), cached_.begin(), cached_.end()).first - prompt.begin();
  // At least one token has to run: the answer begins with its logits.
  const int64_t kept = std::min<int64_t>(same, static_cast<int64_t>(prompt.size()) - 1);
  cache_.Truncate(std::max<int64_t>(0, kept));
  cached_.clear();  // for the case of an exception

  TextStream stream(tokenizer_, prompt, stop_);
  const auto on_token = [&](int32_t id) { return show(stream.Next(id)) && !stream.stopped(); };
  GenerateResult result = Generate(model_, cache_, prompt, options_, on_token);
  show(stream.Finish());

  cached_ = prompt;
  cached_.insert(cached_.end(), result.ids.begin(), result.ids.end());
  cached_.resize(static_cast<size_t>(cache_.length()));
  return {.text = stream.text(),
          .ids = std::move(result.ids),
          .finish_reason = result.finish_reason,
          .prompt_tokens = static_cast<int64_t>(prompt.size()),
          .prefilled_tokens = static_cast<int64_t>(prompt.size()) - kept};
}

}  // namespace w8a16
