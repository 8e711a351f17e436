#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <limits>
#include <memory>

#include "base/strings.h"
#include "cli/chat_session.h"
#include "cli/commands.h"
#include "cli/generation_args.h"
#include "cli/interrupt.h"
#include "cli/json_out.h"
#include "cli/model_args.h"
#include "cli/model_directory.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

struct ChatArgs {
  ModelArgs model;
  std::string system;
  GenerationArgs generation;
};

constexpr const char* kCommands = "/reset begins a new conversation, /exit (or the end of input) ends it";

ChatTemplate LoadChatTemplate(const std::string& directory) {
  if (auto chat_template = ChatTemplate::Load(directory)) return std::move(*chat_template);
  throw Error(
      StrCat(directory,
             ": there is no chat template (chat_template.jinja, or chat_template in tokenizer_config.json): the "
             "model was not made for conversations; continue texts with w8a16 generate"));
}

/// The terminal, or what is piped in its place.
class Conversation {
 public:
  Conversation(ChatSession& session, int64_t context, bool json)
      : session_(session), context_(context), json_(json), terminal_(isatty(STDIN_FILENO) == 1) {}

  void Run() {
    if (terminal_) Note(StrCat(kCommands, "; Ctrl-C ends an answer"));
    for (std::string line; ReadLine(line);) {
      if (line.ends_with('\r')) line.pop_back();
      if (line == "/exit") break;
      if (line.find_first_not_of(" \t") == std::string::npos) continue;
      if (line == "/reset") {
        session_.Reset();
        if (terminal_) Note("a new conversation");
      } else if (IsCommand(line)) {
        Note(StrCat("unknown command ", line, ": ", kCommands));
      } else {
        Ask(line);
      }
    }
    if (json_) PrintJson({{"messages", session_.messages()}, {"answers", answers_}});
  }

 private:
  // A slash and one word; /usr/bin is none.
  static bool IsCommand(const std::string& line) {
    return line.starts_with('/') && line.size() > 1 &&
           std::all_of(line.begin() + 1, line.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  }

  static void Note(const std::string& text) { fmt::print(stderr, "[{}]\n", text); }

  bool ReadLine(std::string& line) const {
    if (terminal_) fmt::print(stderr, "> ");
    if (std::getline(std::cin, line)) return true;
    if (terminal_) fmt::print(stderr, "\n");
    return false;
  }

  void Ask(const std::string& message) {
    const InterruptGuard guard;
    const std::optional<ChatAnswer> answer = session_.Ask(message, [&](const std::string& piece) {
      if (!json_) {
        PrintText(piece);
        FlushOutput();
      }
      return PendingSignal() == 0;
    });
    // Ctrl-C ends the answer; what asks the process itself to end is obeyed.
    if (PendingSignal() != SIGINT) ThrowIfInterrupted();
    if (!answer) {
      answers_.push_back({{"text", ""}, {"ids", Json::array()}, {"finish_reason", "context"}});
      return Note(StrCat("not asked: the conversation no longer fits the context of ", context_,
                         " tokens; /reset begins a new one"));
    }
    if (!json_) {
      PrintText("\n");
      FlushOutput();
    }
    answers_.push_back({{"text", answer->text},
                        {"ids", answer->ids},
                        {"finish_reason", FinishReasonName(answer->finish_reason)},
                        {"prompt_tokens", answer->prompt_tokens},
                        {"prefilled_tokens", answer->prefilled_tokens}});
    if (PendingSignal() == SIGINT) Note("interrupted");
    if (answer->finish_reason == FinishReason::kLength) Note("cut: --max-new-tokens was reached");
    if (answer->finish_reason == FinishReason::kContext) {
      Note(StrCat("cut: the context of ", context_, " tokens is full; /reset begins a new conversation"));
    }
  }

  ChatSession& session_;
  int64_t context_;
  bool json_;
  bool terminal_;
  Json answers_ = Json::array();
};

void RunChat(const ChatArgs& args) {
  const std::string directory = ModelDirectory(args.model.model);
  Tokenizer tokenizer = LoadTokenizer(directory, "a conversation needs the tokenizer that the model was trained with");
  ChatTemplate chat_template = LoadChatTemplate(directory);
  GenerateOptions options = args.generation.Resolve(directory, std::numeric_limits<int64_t>::max());
  Model model = LoadModel(args.model);
  ChatSession session(model, std::move(tokenizer), std::move(chat_template), std::move(options), args.generation.stop,
                      args.system);
  Conversation(session, model.context(), args.model.json).Run();
}

}  // namespace

void AddChat(CLI::App& app) {
  const auto args = std::make_shared<ChatArgs>();
  CLI::App* command = app.add_subcommand(
      "chat", "A conversation with a model that has a chat template: one line of input is one message");
  AddModelOptions(*command, args->model);
  command->add_option("--system", args->system, "What the model is told before the conversation")->type_name("TEXT");
  AddGenerationOptions(*command, args->generation, "up to the context's end");
  command->callback([args] { RunChat(*args); });
}

}  // namespace w8a16
