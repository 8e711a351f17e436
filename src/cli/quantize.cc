#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <memory>

#include "cli/commands.h"
#include "cli/conversion.h"
#include "cli/format.h"
#include "cli/interrupt.h"
#include "cli/json_out.h"
#include "cli/model_args.h"
#include "cli/model_directory.h"
#include "cli/progress.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

struct QuantizeArgs {
  std::string source;
  std::string destination;
  std::vector<std::string> ignore;
  bool no_default_ignore = false;
  std::string format = "pack-quantized";
  bool force = false;
  int threads = 0;
  bool json = false;
};

Json ReportJson(const ConvertReport& report) {
  Json layers = Json::array();
  for (const ConvertedLayer& layer : report.layers) {
    layers.push_back({{"name", layer.name},
                      {"out_features", layer.out_features},
                      {"in_features", layer.in_features},
                      {"sqnr_db", layer.sqnr_db}});
  }
  return {{"bytes_before", report.bytes_before}, {"bytes_after", report.bytes_after},
          {"seconds", report.seconds},           {"layers", layers},
          {"ignored", report.ignored},           {"skipped_files", report.skipped_files},
          {"unmatched", report.unmatched}};
}

void PrintReport(const QuantizeArgs& args, const ConvertReport& report) {
  PrintText(ConversionTable(report).Render());
  if (!report.ignored.empty()) {
    std::string line = fmt::format("\nLinear layers that stayed float: {}", report.ignored.front());
    for (size_t i = 1; i < report.ignored.size() && i < 4; ++i) line += ", " + report.ignored[i];
    if (report.ignored.size() > 4) line += fmt::format(" and {} more", report.ignored.size() - 4);
    PrintText(line + "\n");
  }
  PrintText(fmt::format("\nWrote {} in {}. Try it: w8a16 generate {} --prompt \"Once upon a time\"\n", args.destination,
                        FormatSeconds(report.seconds), args.destination));
}

// TorchScript models are another command's, which is there only where LibTorch is.
void RefuseTorchFile(const QuantizeArgs& args) {
  const std::filesystem::path source = args.source;
  const std::string extension = source.extension().string();
  if ((extension != ".pt" && extension != ".pth") || !std::filesystem::is_regular_file(source)) return;
  throw Error(fmt::format(
      "{} is a file of PyTorch; SRC is the directory of a Hugging Face checkpoint. For a TorchScript model "
      "(torch.jit.save): w8a16-torch quantize {} OUT.pt, a command that is built where LibTorch is installed",
      args.source, args.source));
}

void RunQuantize(const QuantizeArgs& args) {
  RefuseTorchFile(args);
  ApplyThreads(args.threads);
  const ConvertOptions options = {.format = ParseQuantizedFormat(args.format),
                                  .ignore = args.ignore,
                                  .default_ignore = !args.no_default_ignore,
                                  .force = args.force};
  const std::string source = ModelDirectory(args.source);
  ConvertReport report;
  {
    const InterruptGuard guard;
    ProgressBar bar("quantizing");
    report = QuantizeCheckpoint(source, args.destination, options, [&](uint64_t done, uint64_t total) {
      ThrowIfInterrupted();
      bar.Update(done, total);
    });
  }
  for (const std::string& file : report.skipped_files) {
    fmt::print(stderr,
               "warning: {} was not copied: it is a directory, a training state, or weights in another format\n", file);
  }
  for (const std::string& pattern : report.unmatched) {
    fmt::print(stderr, "warning: --ignore {} matches no module of this model\n", pattern);
  }
  if (args.json) {
    PrintJson(ReportJson(report));
  } else {
    PrintReport(args, report);
  }
}

}  // namespace

void AddQuantize(CLI::App& app) {
  const auto args = std::make_shared<QuantizeArgs>();
  CLI::App* command = app.add_subcommand("quantize", "Stream a float checkpoint into a quantized one");
  command
      ->add_option("SRC", args->source,
                   "Directory of a float Hugging Face checkpoint, or its id on the Hub: org/name[@revision]")
      ->required()
      ->type_name("");
  command->add_option("DST", args->destination, "Directory to write; created, or empty")->required()->type_name("");
  command
      ->add_option(
          "--ignore", args->ignore,
          "A module that stays float: its full name, the last part of it, or re: and a regular expression; may be "
          "given several times")
      ->allow_extra_args(false)
      ->type_name("PATTERN");
  command->add_flag("--no-default-ignore", args->no_default_ignore, "Quantize the output head too");
  command->add_option("--format", args->format, "Form of the checkpoint (default: pack-quantized)")
      ->check(CLI::IsMember({"pack-quantized", "int-quantized"}))
      ->type_name("NAME");
  command->add_flag("--force", args->force, "Write to a directory that is not empty; its weight files are removed");
  AddThreadsOption(*command, args->threads);
  AddJsonOption(*command, args->json);
  command->callback([args] { RunQuantize(*args); });
}

}  // namespace w8a16
