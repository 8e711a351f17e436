#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/format.h"
#include "cli/json_out.h"
#include "cli/memory.h"
#include "cli/model_args.h"
#include "cli/model_directory.h"
#include "cli/text_stream.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

struct GenerateArgs {
  ModelArgs model;
  std::optional<std::string> prompt;
  std::optional<std::string> prompt_ids;
  GenerateOptions options;
};

const char* FinishReasonName(FinishReason reason) {
  switch (reason) {
    case FinishReason::kEos:
      return "eos";
    case FinishReason::kContext:
      return "context";
    default:
      return "length";
  }
}

std::string PromptText(const std::string& prompt) {
  if (prompt != "-") return prompt;
  std::string text((std::istreambuf_iterator<char>(std::cin)), std::istreambuf_iterator<char>());
  // What echo adds is no part of the text that should go on.
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

// With --prompt-ids a tokenizer is a convenience: without one, ids are printed.
std::optional<Tokenizer> FindTokenizer(const std::string& directory) {
  if (!Tokenizer::IsIn(directory)) return std::nullopt;
  try {
    return Tokenizer::Load(directory);
  } catch (const Error& e) {
    fmt::print(stderr, "warning: printing token ids: {}\n", e.what());
    return std::nullopt;
  }
}

// Tokens that took decode_seconds: the first came out of the prefill, the end-of-text token is not in `ids`.
double DecodeRate(const GenerateResult& result) {
  const auto steps = static_cast<int64_t>(result.ids.size()) - (result.finish_reason == FinishReason::kEos ? 0 : 1);
  return steps > 0 && result.decode_seconds > 0 ? static_cast<double>(steps) / result.decode_seconds : 0;
}

void RunGenerate(const GenerateArgs& args) {
  if (args.prompt.has_value() == args.prompt_ids.has_value()) {
    throw CLI::ValidationError("give exactly one of --prompt and --prompt-ids");
  }
  if (args.options.top_p <= 0) throw CLI::ValidationError("--top-p", "must be above 0");
  std::optional<Tokenizer> tokenizer;
  std::vector<int32_t> prompt;
  if (args.prompt) {
    tokenizer = LoadTokenizer(args.model.model, "without a tokenizer, give token ids with --prompt-ids");
    prompt = tokenizer->Encode(PromptText(*args.prompt), true);
  } else {
    prompt = ParseIds(*args.prompt_ids, "--prompt-ids");
    tokenizer = FindTokenizer(ModelDirectory(args.model.model));
  }
  Model model = LoadModel(args.model);

  TextStream stream(tokenizer, prompt);
  const auto show = [&](const std::string& piece) {
    if (args.model.json) return;
    PrintText(piece);
    FlushOutput();
  };
  const GenerateResult result = Generate(model, prompt, args.options, [&](int32_t id) {
    show(stream.Next(id));
    return true;
  });
  show(stream.Finish());

  const double prefill_rate =
      result.prefill_seconds > 0 ? static_cast<double>(prompt.size()) / result.prefill_seconds : 0;
  if (args.model.json) {
    PrintJson({{"prompt_ids", prompt},
               {"ids", result.ids},
               {"text", stream.text()},
               {"finish_reason", FinishReasonName(result.finish_reason)},
               {"prefill_tokens_per_second", prefill_rate},
               {"decode_tokens_per_second", DecodeRate(result)},
               {"peak_resident_bytes", PeakResidentBytes()},
               {"weight_bytes", model.weight_bytes()}});
    return;
  }
  PrintText("\n");
  FlushOutput();
  fmt::print(
      stderr, "{} prompt tokens at {} tokens/s, {} new tokens at {} tokens/s (ended by {}), {} of weights, {} peak\n",
      prompt.size(), FormatNumber(prefill_rate), result.ids.size(), FormatNumber(DecodeRate(result)),
      FinishReasonName(result.finish_reason), FormatBytes(model.weight_bytes()), FormatBytes(PeakResidentBytes()));
}

}  // namespace

void AddGenerate(CLI::App& app) {
  const auto args = std::make_shared<GenerateArgs>();
  CLI::App* command = app.add_subcommand("generate", "Continue a text; only the new text is printed");
  AddModelOptions(*command, args->model);
  command
      ->add_option("--prompt", args->prompt, "Text to continue; - reads standard input (less one newline at its end)")
      ->type_name("TEXT");
  command->add_option("--prompt-ids", args->prompt_ids, "Token ids to continue, such as 1,2,3")->type_name("IDS");
  GenerateOptions& options = args->options;
  command->add_option("--max-new-tokens", options.max_new_tokens, "Most tokens to add (default: 128)")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 31).description(""))
      ->type_name("N");
  command->add_option("--temperature", options.temperature, "0: always the likeliest token (default: 0)")
      ->check(CLI::Validator(CLI::NonNegativeNumber).description(""))
      ->type_name("T");
  command->add_option("--top-k", options.top_k, "Choose among the K likeliest tokens (default: 0, all)")
      ->check(CLI::Validator(CLI::NonNegativeNumber).description(""))
      ->type_name("K");
  command->add_option("--top-p", options.top_p, "Choose among the likeliest tokens that sum to P (default: 1, all)")
      ->check(CLI::Range(0.0, 1.0).description(""))
      ->type_name("P");
  command->add_option("--seed", options.seed, "Seed of the random choice (default: 0)")->type_name("S");
  command->add_flag("--ignore-eos", options.ignore_eos, "Go on past end-of-text tokens");
  command->callback([args] { RunGenerate(*args); });
}

}  // namespace w8a16
