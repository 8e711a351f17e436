#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/documents.h"
#include "cli/format.h"
#include "cli/generation_args.h"
#include "cli/json_out.h"
#include "cli/memory.h"
#include "cli/model_args.h"
#include "cli/model_directory.h"
#include "cli/table.h"
#include "cli/text_stream.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

struct GenerateArgs {
  ModelArgs model;
  std::optional<std::string> prompt;
  std::optional<std::string> prompt_ids;
  std::string prompts;
  int64_t batch = 16;
  GenerationArgs generation;
  bool ignore_eos = false;
  bool logprobs = false;
};

// What is continued, and how.
struct Job {
  std::optional<Tokenizer> tokenizer;
  std::vector<std::vector<int32_t>> prompts;
  GenerateOptions options;
};

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

double PrefillRate(const GenerateResult& result, size_t prompt_tokens) {
  return result.prefill_seconds > 0 ? static_cast<double>(prompt_tokens) / result.prefill_seconds : 0;
}

Job ReadJob(const GenerateArgs& args) {
  Job job;
  // Wrong usage is told before anything is downloaded.
  if (args.prompt_ids) job.prompts = {ParseIds(*args.prompt_ids, "--prompt-ids")};
  const std::string directory = ModelDirectory(args.model.model);
  if (args.prompt_ids) {
    job.tokenizer = FindTokenizer(directory);
    if (!job.tokenizer && !args.generation.stop.empty()) {
      throw Error(StrCat("--stop needs the model's tokenizer, and ", directory, " has none that can be used"));
    }
  } else {
    const std::vector<std::string> texts =
        args.prompt ? std::vector{PromptText(*args.prompt)} : ReadPrompts(args.prompts);
    job.tokenizer = LoadTokenizer(directory, "without a tokenizer, give token ids with --prompt-ids");
    for (const std::string& text : texts) job.prompts.push_back(job.tokenizer->Encode(text, true));
  }
  job.options = args.generation.Resolve(directory, GenerateOptions{}.max_new_tokens);
  job.options.ignore_eos = args.ignore_eos;
  job.options.logprobs = args.logprobs;
  return job;
}

// A stop string may also become whole with the text's very end.
const char* FinishReasonOf(const GenerateResult& result, const TextStream& stream) {
  return FinishReasonName(stream.stopped() ? FinishReason::kStopped : result.finish_reason);
}

Json ResultJson(const std::vector<int32_t>& prompt, const GenerateResult& result, const TextStream& stream,
                const Model& model, bool logprobs) {
  Json json = {{"prompt_ids", prompt},
               {"ids", result.ids},
               {"text", stream.text()},
               {"finish_reason", FinishReasonOf(result, stream)},
               {"prefill_tokens_per_second", PrefillRate(result, prompt.size())},
               {"decode_tokens_per_second", DecodeRate(result)},
               {"peak_resident_bytes", PeakResidentBytes()},
               {"weight_bytes", model.weight_bytes()}};
  if (logprobs) json["logprobs"] = result.logprobs;
  return json;
}

void PrintLogprobs(const GenerateResult& result, const std::optional<Tokenizer>& tokenizer) {
  if (result.logprobs.empty()) return;
  Table table({">id", ">logprob", "token"});
  for (size_t i = 0; i < result.ids.size(); ++i) {
    const int32_t id = result.ids[i];
    // As JSON writes a text, so that newlines and spaces are seen.
    const Json token = tokenizer ? tokenizer->IdToToken(id) : std::string();
    table.AddRow({std::to_string(id), fmt::format("{:.4f}", result.logprobs[i]),
                  token.dump(-1, ' ', false, Json::error_handler_t::replace)});
  }
  PrintText(table.Render());
}

void RunOne(const GenerateArgs& args, const Job& job) {
  const std::vector<int32_t>& prompt = job.prompts.front();
  Model model = LoadModel(args.model);
  TextStream stream(job.tokenizer, prompt, args.generation.stop);
  const auto show = [&](const std::string& piece) {
    if (args.model.json) return;
    PrintText(piece);
    FlushOutput();
  };
  const GenerateResult result = Generate(model, prompt, job.options, [&](int32_t id) {
    show(stream.Next(id));
    return !stream.stopped();
  });
  show(stream.Finish());
  if (args.model.json) return PrintJson(ResultJson(prompt, result, stream, model, args.logprobs));

  PrintText("\n");
  PrintLogprobs(result, job.tokenizer);
  FlushOutput();
  fmt::print(stderr,
             "{} prompt tokens at {} tokens/s, {} new tokens at {} tokens/s (ended by {}), {} of weights, {} peak\n",
             prompt.size(), FormatNumber(PrefillRate(result, prompt.size())), result.ids.size(),
             FormatNumber(DecodeRate(result)), FinishReasonOf(result, stream), FormatBytes(model.weight_bytes()),
             FormatBytes(PeakResidentBytes()));
}

void RunSeveral(const GenerateArgs& args, const Job& job) {
  Model model = LoadModel(args.model);
  std::vector<TextStream> streams;
  for (const std::vector<int32_t>& prompt : job.prompts) {
    streams.emplace_back(job.tokenizer, prompt, args.generation.stop);
  }
  const auto start = std::chrono::steady_clock::now();
  const std::vector<GenerateResult> results =
      GenerateBatch(model, job.prompts, args.batch, job.options, [&](size_t prompt, int32_t id) {
        streams[prompt].Next(id);
        return !streams[prompt].stopped();
      });
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;

  Json list = Json::array();
  size_t tokens = 0;
  for (size_t i = 0; i < results.size(); ++i) {
    streams[i].Finish();
    tokens += results[i].ids.size();
    if (args.model.json) {
      list.push_back(ResultJson(job.prompts[i], results[i], streams[i], model, args.logprobs));
      continue;
    }
    PrintText(fmt::format("--- {} ({})\n{}\n", i + 1, FinishReasonOf(results[i], streams[i]), streams[i].text()));
    PrintLogprobs(results[i], job.tokenizer);
  }
  if (args.model.json) return PrintJson(list);
  FlushOutput();
  fmt::print(stderr, "{} prompts, {} new tokens in {} ({} tokens/s), {} of weights, {} peak\n", results.size(), tokens,
             FormatSeconds(seconds.count()), FormatNumber(static_cast<double>(tokens) / seconds.count()),
             FormatBytes(model.weight_bytes()), FormatBytes(PeakResidentBytes()));
}

void RunGenerate(const GenerateArgs& args) {
  const int given = (args.prompt ? 1 : 0) + (args.prompt_ids ? 1 : 0) + (args.prompts.empty() ? 0 : 1);
  if (given != 1) throw CLI::ValidationError("give exactly one of --prompt, --prompt-ids and --prompts");
  const Job job = ReadJob(args);
  if (args.prompts.empty()) {
    RunOne(args, job);
  } else {
    RunSeveral(args, job);
  }
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
  command
      ->add_option("--prompts", args->prompts,
                   "File of several texts to continue: one for each line, or a JSON list of strings")
      ->type_name("FILE");
  command
      ->add_option("--batch", args->batch,
                   "Most prompts of --prompts to continue side by side (default: 16); changes speed, not results")
      ->check(CLI::Range(int64_t{1}, int64_t{4096}).description(""))
      ->type_name("N");
  AddGenerationOptions(*command, args->generation, "128");
  command->add_flag("--ignore-eos", args->ignore_eos, "Go on past end-of-text tokens");
  command->add_flag("--logprobs", args->logprobs,
                    "Show the logarithm of the probability that the model gave each new token");
  command->callback([args] { RunGenerate(*args); });
}

}  // namespace w8a16
