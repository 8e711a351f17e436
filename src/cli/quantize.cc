#include <fmt/format.h>

#include <array>
#include <ctime>
#include <filesystem>
#include <memory>

#include "checkpoint/atomic_file.h"
#include "cli/commands.h"
#include "cli/conversion.h"
#include "cli/format.h"
#include "cli/json_out.h"
#include "cli/model_args.h"
#include "cli/model_directory.h"
#include "convert/report_page.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

struct QuantizeArgs : ConversionArgs {
  std::vector<std::string> ignore;
  std::vector<std::string> only;
  bool no_default_ignore = false;
  std::string format = "pack-quantized";
  std::string report;  // empty: none
};

Json ReportJson(const ConvertReport& report) {
  Json layers = Json::array();
  for (const ConvertedLayer& layer : report.layers) {
    layers.push_back({{"name", layer.name},
                      {"out_features", layer.out_features},
                      {"in_features", layer.in_features},
                      {"sqnr_db", layer.sqnr_db},
                      {"max_error", layer.max_error},
                      {"outlier_ratio", layer.outlier_ratio},
                      {"outlier_row", layer.outlier_row},
                      {"scale_min", layer.scales.min},
                      {"scale_median", layer.scales.median},
                      {"scale_max", layer.scales.max},
                      {"bytes_before", layer.bytes_before},
                      {"bytes_after", layer.bytes_after}});
  }
  Json ignored = Json::array();
  Json reasons = Json::object();
  for (const IgnoredModule& module : report.ignored) {
    ignored.push_back(module.name);
    reasons[module.name] = module.reason;
  }
  Json unmatched = Json::array();
  for (const UnmatchedPattern& pattern : report.unmatched) unmatched.push_back(pattern.pattern);
  return {{"bytes_before", report.bytes_before},
          {"bytes_after", report.bytes_after},
          {"seconds", report.seconds},
          {"layers", layers},
          {"ignored", ignored},
          {"ignored_reasons", reasons},
          {"skipped_files", report.skipped_files},
          {"unmatched", unmatched},
          {"notes", report.notes},
          {"weight_files", report.shards},
          {"kept_weight_files", report.kept_shards}};
}

void PrintReport(const QuantizeArgs& args, const ConvertReport& report) {
  PrintText(ConversionTable(report).Render());
  if (!report.ignored.empty()) {
    std::string line = fmt::format("\nLinear layers that stayed float: {}", report.ignored.front().name);
    for (size_t i = 1; i < report.ignored.size() && i < 4; ++i) line += ", " + report.ignored[i].name;
    if (report.ignored.size() > 4) line += fmt::format(" and {} more", report.ignored.size() - 4);
    PrintText(line + "\n");
  }
  PrintText(fmt::format("\nWrote {} in {}. Try it: w8a16 generate {} --prompt \"Once upon a time\"\n", args.destination,
                        FormatSeconds(report.seconds), args.destination));
  if (!args.report.empty()) PrintText(fmt::format("The report is in {}\n", args.report));
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

// What is no page would be written over by mistake.
void CheckReportOption(const QuantizeArgs& args) {
  if (args.report.empty()) return;
  const std::string extension = std::filesystem::path(args.report).extension().string();
  if (extension != ".html" && extension != ".htm") {
    throw CLI::ValidationError("--report", fmt::format("{} must be the name of a page, ending in .html", args.report));
  }
  if (args.dry_run) throw CLI::ValidationError("--report", "there is nothing to report of a --dry-run; leave one out");
}

// Before hours of work, not after them.
void RequireReportPath(const QuantizeArgs& args) {
  if (args.report.empty()) return;
  const auto normal = [](const std::string& path) {
    const std::filesystem::path absolute = std::filesystem::absolute(path).lexically_normal();
    return absolute.has_filename() ? absolute : absolute.parent_path();
  };
  const std::filesystem::path report = normal(args.report);
  const std::filesystem::path destination = normal(args.destination);
  if (report == destination || std::filesystem::is_directory(report)) {
    throw Error(fmt::format("cannot write the report {}: it is a directory; name a file", args.report));
  }
  // It will be there when the report is written.
  if (report.parent_path() == destination && !std::filesystem::exists(destination)) return;
  if (!std::filesystem::is_directory(report.parent_path())) {
    throw Error(fmt::format("cannot write the report {}: there is no directory {}; make it first", args.report,
                            report.parent_path().string()));
  }
  const AtomicFile attempt(report);  // leaves nothing
}

std::string LocalTime() {
  const std::time_t now = std::time(nullptr);
  std::tm time{};
  localtime_r(&now, &time);
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M %Z", &time)};
}

void WriteReport(const QuantizeArgs& args, const ConvertReport& report) {
  if (args.report.empty()) return;
  const ReportFacts facts = {.source = args.source,
                             .destination = args.destination,
                             .format = args.format,
                             .version = W8A16_VERSION,
                             .date = LocalTime()};
  try {
    WriteTextFile(args.report, RenderReportPage(report, facts));
  } catch (const Error& error) {
    throw Error(fmt::format("{}; the checkpoint itself is whole in {}", error.what(), args.destination));
  }
}

void RunQuantize(const QuantizeArgs& args) {
  ConvertOptions options;
  ReadOutputOptions(args, options);
  options.format = ParseQuantizedFormat(args.format);
  options.ignore = args.ignore;
  options.only = args.only;
  options.default_ignore = !args.no_default_ignore;
  CheckReportOption(args);
  RefuseTorchFile(args);
  ApplyThreads(args.threads);
  const std::string source = ModelDirectory(args.source);
  if (args.dry_run) {
    PrintPlan(PlanQuantization(Checkpoint::Open(source), options), args.json);
    return;
  }
  RequireReportPath(args);
  const ConvertReport report = RunWithProgress(args, "quantizing", [&](const ConvertProgress& progress) {
    return QuantizeCheckpoint(source, args.destination, options, progress);
  });
  WriteReport(args, report);
  if (args.json) {
    Json document = ReportJson(report);
    if (!args.report.empty()) document["report"] = args.report;
    PrintJson(document);
  } else {
    PrintReport(args, report);
  }
}

CLI::Option* AddPatterns(CLI::App& command, const char* name, std::vector<std::string>& patterns, const char* help) {
  return command.add_option(name, patterns, help)->allow_extra_args(false)->type_name("PATTERN");
}

}  // namespace

void AddQuantize(CLI::App& app) {
  const auto args = std::make_shared<QuantizeArgs>();
  CLI::App* command = app.add_subcommand("quantize", "Stream a float checkpoint into a quantized one");
  AddConversionOptions(*command, *args,
                       "Directory of a float Hugging Face checkpoint, or its id on the Hub: org/name[@revision]");
  AddPatterns(*command, "--ignore", args->ignore,
              "A module that stays float: its full name, the last part of it, or re: and a regular expression; may be "
              "given several times");
  AddPatterns(*command, "--only", args->only,
              "A module that is quantized, as a pattern like those of --ignore: all others stay float; may be given "
              "several times");
  command->add_flag("--no-default-ignore", args->no_default_ignore, "Quantize the output head too");
  command->add_option("--format", args->format, "Form of the checkpoint (default: pack-quantized)")
      ->check(CLI::IsMember({"pack-quantized", "int-quantized"}))
      ->type_name("NAME");
  command->add_option("--report", args->report, "Also write a page about sizes and quality, as quality.html")
      ->type_name("FILE.html");
  command->callback([args] { RunQuantize(*args); });
}

}  // namespace w8a16
