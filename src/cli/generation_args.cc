#include "cli/generation_args.h"

namespace w8a16 {
namespace {

// CLI::Range's own text would repeat what the description says.
CLI::Validator Quiet(CLI::Validator validator) { return validator.description(""); }

CLI::Validator AboveZero(const char* what) {
  return {[what](std::string& text) {
            double value = 0;
            const bool above = CLI::detail::lexical_cast(text, value) && value > 0 && value < 1e30;
            return above ? std::string() : std::string(what) + " must be above 0";
          },
          ""};
}

template <class T>
void Override(T& value, const std::optional<T>& given) {
  if (given) value = *given;
}

}  // namespace

GenerateOptions GenerationArgs::Resolve(const std::filesystem::path& directory, int64_t new_tokens) const {
  GenerateOptions options = LoadGenerateOptions(directory, {.max_new_tokens = new_tokens});
  Override(options.max_new_tokens, max_new_tokens);
  Override(options.temperature, temperature);
  Override(options.top_k, top_k);
  Override(options.top_p, top_p);
  Override(options.min_p, min_p);
  Override(options.repetition_penalty, repetition_penalty);
  if (greedy) options.temperature = 0;
  options.seed = seed;
  return options;
}

void AddGenerationOptions(CLI::App& app, GenerationArgs& args, const std::string& default_new_tokens) {
  app.footer(
      "What is not given comes from the model's generation_config.json, as transformers reads it: max_new_tokens and\n"
      "repetition_penalty always; temperature (1), top_k (50), top_p and min_p where do_sample is true there. Without\n"
      "that the likeliest token is always taken.");
  app.add_option("--max-new-tokens", args.max_new_tokens, "Most tokens to add (default: " + default_new_tokens + ")")
      ->check(Quiet(CLI::Range(int64_t{0}, int64_t{1} << 31)))
      ->type_name("N");
  CLI::Option* temperature =
      app.add_option("--temperature", args.temperature, "0: always the likeliest token; higher: more random")
          ->check(Quiet(CLI::NonNegativeNumber))
          ->type_name("T");
  app.add_flag("--greedy", args.greedy, "Always the likeliest token, whatever generation_config.json asks for")
      ->excludes(temperature);
  app.add_option("--top-k", args.top_k, "Choose among the K likeliest tokens; 0: all")
      ->check(Quiet(CLI::NonNegativeNumber))
      ->type_name("K");
  app.add_option("--top-p", args.top_p, "Choose among the likeliest tokens that sum to P; 1: all")
      ->check(Quiet(CLI::Range(0.0, 1.0)))
      ->check(AboveZero("top-p"))
      ->type_name("P");
  app.add_option("--min-p", args.min_p, "Leave out tokens less than P times as likely as the likeliest one; 0: none")
      ->check(Quiet(CLI::Range(0.0, 1.0)))
      ->type_name("P");
  app.add_option("--repetition-penalty", args.repetition_penalty,
                 "Above 1: make tokens of the text so far less likely; 1: leave them")
      ->check(AboveZero("the penalty"))
      ->type_name("R");
  app.add_option("--seed", args.seed, "Seed of the random choice (default: 0)")->type_name("S");
  app.add_option("--stop", args.stop, "End before this text; may be given several times")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->check(
          CLI::Validator([](std::string& text) { return text.empty() ? std::string("the text is empty") : ""; }, ""))
      ->type_name("TEXT");
}

const char* FinishReasonName(FinishReason reason) {
  switch (reason) {
    case FinishReason::kEos:
      return "eos";
    case FinishReason::kContext:
      return "context";
    case FinishReason::kStopped:
      return "stop";
    case FinishReason::kLength:
      break;
  }
  return "length";
}

}  // namespace w8a16
