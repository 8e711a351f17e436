#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/conversion.h"
#include "cli/documents.h"
#include "cli/format.h"
#include "cli/interrupt.h"
#include "cli/json_out.h"
#include "cli/model_args.h"
#include "cli/model_directory.h"
#include "cli/progress.h"
#include "cli/speed.h"
#include "cli/table.h"
#include "cli/temp_dir.h"
#include "cli/text_stream.h"
#include "model/evaluate.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

namespace fs = std::filesystem;

struct DemoArgs {
  std::string directory;
  std::string prompt;
  int threads = 0;
  bool json = false;
};

// What one of the two models does.
struct Side {
  Evaluation evaluation;
  ModelSpeed speed;
  GenerateResult generated;
  std::string text;
  size_t weight_bytes = 0;
};

struct Demo {
  std::string directory;
  std::string prompt;
  ConvertReport report;
  Side before;
  Side after;
  std::optional<size_t> first_difference;  // index of a new token
};

// In share/ of the folder that the command is installed in, or of one above it (a wheel keeps commands deep inside an
// environment), or in the source tree it was built from.
fs::path FindDemoModel() {
  std::error_code error;
  const fs::path command = fs::read_symlink("/proc/self/exe", error);
  std::vector<fs::path> candidates;
  constexpr int kLevels = 5;
  fs::path folder = command.parent_path();
  for (int level = 0; level < kLevels && folder.has_relative_path(); ++level) {
    folder = folder.parent_path();
    candidates.push_back(folder / "share" / "w8a16" / "demo");
  }
  const fs::path built_from = W8A16_DEMO_MODEL;
  candidates.push_back(built_from);
  for (const fs::path& candidate : candidates) {
    if (fs::is_directory(candidate, error)) return fs::weakly_canonical(candidate);
  }
  throw Error(StrCat("the demo model is neither in ", candidates.front().string(), " nor in ", built_from.string(),
                     "; name the directory of a model with held_back.json: w8a16 demo DIR"));
}

// The opening of a text, cut after a few words.
std::string Opening(const std::string& text) {
  constexpr int kWords = 8;
  size_t end = 0;
  for (int word = 0; word < kWords && end != std::string::npos; ++word) {
    end = text.find_first_of(" \t\r\n", text.find_first_not_of(" \t\r\n", end));
  }
  return text.substr(0, end);
}

Side Run(const fs::path& directory, const Tokenizer& tokenizer, const std::vector<std::string>& documents,
         const std::string& prompt, const std::string& label) {
  Model model = Model::Load(directory);
  Side side;
  side.weight_bytes = model.weight_bytes();
  {
    ProgressBar bar("evaluating " + label);
    side.evaluation = Evaluate(model, EncodeDocuments(tokenizer, documents, model.bos_id()), nullptr,
                               [&](int64_t done, int64_t total) {
                                 ThrowIfInterrupted();
                                 bar.Update(static_cast<uint64_t>(done), static_cast<uint64_t>(total));
                               });
  }
  const std::vector<int32_t> ids = tokenizer.Encode(prompt, true);
  const int64_t room = model.context() - static_cast<int64_t>(ids.size());
  GenerateOptions options;
  options.max_new_tokens = std::clamp<int64_t>(room, 0, 64);
  TextStream stream(tokenizer, ids);
  side.generated = Generate(model, ids, options, [&](int32_t id) {
    ThrowIfInterrupted();
    stream.Next(id);
    return true;
  });
  stream.Finish();
  side.text = stream.text();
  const int64_t new_tokens = std::min<int64_t>(32, model.context() / 2);
  side.speed = MeasureSpeed(model, std::min<int64_t>(256, model.context()), new_tokens, ThrowIfInterrupted);
  return side;
}

Demo RunBoth(const DemoArgs& args) {
  Demo demo;
  const fs::path original = args.directory.empty() ? FindDemoModel() : fs::path(ModelDirectory(args.directory));
  demo.directory = original.string();
  const std::vector<std::string> documents = ReadDocuments(original / "held_back.json");
  const Tokenizer tokenizer = Tokenizer::Load(original);
  demo.prompt = args.prompt.empty() ? Opening(documents.front()) : args.prompt;

  const InterruptGuard guard;
  const TempDir scratch;
  const fs::path quantized = scratch.path() / "quantized";
  {
    ProgressBar bar("quantizing");
    demo.report = QuantizeCheckpoint(original, quantized, {}, [&](uint64_t done, uint64_t total) {
      ThrowIfInterrupted();
      bar.Update(done, total);
    });
  }
  demo.before = Run(original, tokenizer, documents, demo.prompt, "before");
  demo.after = Run(quantized, tokenizer, documents, demo.prompt, "after");
  const std::vector<int32_t>& a = demo.before.generated.ids;
  const std::vector<int32_t>& b = demo.after.generated.ids;
  const auto difference = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin();
  if (a != b) demo.first_difference = static_cast<size_t>(difference);
  return demo;
}

void PrintDemo(const Demo& demo) {
  PrintText(StrCat("Model: ", demo.directory, "\n\n", ConversionTable(demo.report).Render(), "\n"));
  Table table({"", ">before", ">after"});
  const Side& before = demo.before;
  const Side& after = demo.after;
  table.AddRow({"weights in memory", FormatBytes(before.weight_bytes), FormatBytes(after.weight_bytes)});
  table.AddRow({fmt::format("perplexity of {} tokens", before.evaluation.tokens),
                fmt::format("{:.4f}", before.evaluation.perplexity),
                fmt::format("{:.4f}", after.evaluation.perplexity)});
  table.AddRow({"prefill, tokens/s", FormatNumber(before.speed.prefill_tokens_per_second),
                FormatNumber(after.speed.prefill_tokens_per_second)});
  table.AddRow({"decode, tokens/s", FormatNumber(before.speed.decode_tokens_per_second),
                FormatNumber(after.speed.decode_tokens_per_second)});
  PrintText(table.Render());
  PrintText(StrCat("\nPrompt: ", demo.prompt, "\n\nBefore: ", demo.prompt, before.text, "\n\nAfter: ", demo.prompt,
                   after.text, "\n\n"));
  if (demo.first_difference) {
    PrintText(fmt::format("The texts first differ at new token {}.\n", *demo.first_difference + 1));
  } else {
    PrintText(fmt::format("The texts are the same, token for token ({} new tokens).\n", after.generated.ids.size()));
  }
}

Json SideJson(const Side& side) {
  return {{"weight_bytes", side.weight_bytes},
          {"perplexity", side.evaluation.perplexity},
          {"prefill_tokens_per_second", side.speed.prefill_tokens_per_second},
          {"decode_tokens_per_second", side.speed.decode_tokens_per_second},
          {"ids", side.generated.ids},
          {"text", side.text}};
}

Json DemoJson(const Demo& demo) {
  const SqnrSummary sqnr = SummarizeSqnr(demo.report);
  return {{"model", demo.directory},
          {"layers", demo.report.layers.size()},
          {"bytes_before", demo.report.bytes_before},
          {"bytes_after", demo.report.bytes_after},
          {"worst_sqnr_db", sqnr.worst_db},
          {"median_sqnr_db", sqnr.median_db},
          {"tokens", demo.before.evaluation.tokens},
          {"prompt", demo.prompt},
          {"before", SideJson(demo.before)},
          {"after", SideJson(demo.after)},
          {"first_difference", demo.first_difference ? Json(*demo.first_difference) : Json(nullptr)}};
}

}  // namespace

void AddDemo(CLI::App& app) {
  const auto args = std::make_shared<DemoArgs>();
  CLI::App* command =
      app.add_subcommand("demo", "A small model before and after quantization: size, error, speed, text");
  command
      ->add_option("DIR", args->directory,
                   "Directory of a float model with held_back.json, a JSON list of texts (default: the shipped model)")
      ->type_name("");
  command->add_option("--prompt", args->prompt, "Text that both continue (default: the opening of the first text)")
      ->type_name("TEXT");
  AddThreadsOption(*command, args->threads);
  AddJsonOption(*command, args->json);
  command->callback([args] {
    ApplyThreads(args->threads);
    const Demo demo = RunBoth(*args);
    if (args->json) {
      PrintJson(DemoJson(demo));
    } else {
      PrintDemo(demo);
    }
  });
}

}  // namespace w8a16
