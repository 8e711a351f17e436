#include "cli/conversion.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/strings.h"
#include "cli/format.h"
#include "cli/interrupt.h"
#include "cli/json_out.h"
#include "cli/model_args.h"
#include "cli/progress.h"
#include "w8a16/error.h"

namespace w8a16 {

Table ConversionTable(const ConvertReport& report) {
  Table table({"quantization", ">"});
  table.AddRow({"linear layers quantized", fmt::format("{}", report.layers.size())});
  table.AddRow({"linear layers left float", fmt::format("{}", report.ignored.size())});
  table.AddRow({"bytes before", FormatBytes(report.bytes_before)});
  table.AddRow({"bytes after", FormatBytes(report.bytes_after)});
  if (report.bytes_after > 0) {
    table.AddRow({"ratio", fmt::format("{:.2f}x smaller", static_cast<double>(report.bytes_before) /
                                                              static_cast<double>(report.bytes_after))});
  }
  if (!report.layers.empty()) {
    const SqnrSummary sqnr = SummarizeSqnr(report);
    table.AddRow({"SQNR, median layer", fmt::format("{:.1f} dB", sqnr.median_db)});
    table.AddRow({"SQNR, worst layer", fmt::format("{:.1f} dB ({})", sqnr.worst_db, sqnr.worst_layer)});
  }
  return table;
}

void AddConversionOptions(CLI::App& command, ConversionArgs& args, const char* source) {
  command.add_option("SRC", args.source, source)->required()->type_name("");
  command.add_option("DST", args.destination, "Directory to write; created, or empty")->type_name("");
  command
      .add_option("--max-shard-size", args.max_shard_size,
                  "Longest weight file, as 5GB, 500MB or 2GiB (default: 5GB); one tensor is never cut")
      ->type_name("SIZE");
  command.add_flag("--dry-run", args.dry_run, "Only print what would become of every tensor; DST may be left out");
  command.add_flag("--force", args.force, "Write to a directory that is not empty; its weight files are replaced");
  command.add_flag("--resume", args.resume, "Go on with what an interrupted run left in DST.partial");
  AddThreadsOption(command, args.threads);
  AddJsonOption(command, args.json);
}

void ReadOutputOptions(const ConversionArgs& args, OutputOptions& options) {
  if (args.destination.empty() && !args.dry_run) throw CLI::ValidationError("DST", "is required without --dry-run");
  try {
    options.max_shard_bytes = ParseBytes(args.max_shard_size);
  } catch (const Error& error) {
    throw CLI::ValidationError("--max-shard-size", error.what());
  }
  if (options.max_shard_bytes == 0) throw CLI::ValidationError("--max-shard-size", "must be positive");
  options.force = args.force;
  options.resume = args.resume;
}

namespace {

struct PlanRow {
  const ConvertStep* step;
  const std::string* file;  // null for what is not written
};

std::vector<PlanRow> PlanRows(const ConvertPlan& plan) {
  std::vector<PlanRow> rows;
  for (const ConvertStep& step : plan.steps) rows.push_back({&step, nullptr});
  for (const PlannedShard& shard : plan.shards) {
    for (const size_t step : shard.steps) rows[step].file = &shard.file;
  }
  return rows;
}

Json PlanJson(const ConvertPlan& plan) {
  Json tensors = Json::array();
  for (const auto& [step, file] : PlanRows(plan)) {
    Json made = Json::array();
    for (const auto& tensor : step->made) {
      made.push_back({{"name", tensor.name}, {"dtype", DTypeName(tensor.dtype)}, {"shape", tensor.shape}});
    }
    tensors.push_back({{"name", step->source.name},
                       {"dtype", DTypeName(step->source.dtype)},
                       {"shape", step->source.shape},
                       {"action", StepKindName(step->kind)},
                       {"reason", step->reason},
                       {"bytes_before", step->bytes_before},
                       {"bytes_after", step->BytesAfter()},
                       {"made", made},
                       {"file", file == nullptr ? Json(nullptr) : Json(*file)}});
  }
  Json files = Json::array();
  for (const PlannedShard& shard : plan.shards) files.push_back({{"file", shard.file}, {"bytes", shard.bytes}});
  return {{"dry_run", true},
          {"bytes_before", plan.bytes_before},
          {"bytes_after", plan.bytes_after},
          {"files", files},
          {"tensors", tensors}};
}

}  // namespace

void PrintPlan(const ConvertPlan& plan, bool json) {
  PrintWarnings(plan.unmatched, plan.notes);
  if (json) {
    PrintJson(PlanJson(plan));
    return;
  }
  Table table({"tensor", "dtype", "shape", "action", ">before", ">after", "file", "why"});
  for (const auto& [step, file] : PlanRows(plan)) {
    table.AddRow({step->source.name, std::string(DTypeName(step->source.dtype)), ShapeString(step->source.shape),
                  std::string(StepKindName(step->kind)), FormatBytes(step->bytes_before),
                  FormatBytes(step->BytesAfter()), file == nullptr ? "" : *file, step->reason});
  }
  PrintText(table.Render());
  uint64_t bytes = 0;
  for (const PlannedShard& shard : plan.shards) bytes += shard.bytes;
  PrintText(fmt::format(
      "\n{} of tensors would become {} ({}) in {} weight file{} of {}. Nothing was written.\n",
      FormatBytes(plan.bytes_before), FormatBytes(plan.bytes_after),
      FormatPercent(static_cast<double>(plan.bytes_after), std::max(1.0, static_cast<double>(plan.bytes_before))),
      plan.shards.size(), plan.shards.size() == 1 ? "" : "s", FormatBytes(bytes)));
}

void PrintWarnings(const std::vector<UnmatchedPattern>& unmatched, const std::vector<std::string>& notes) {
  for (const UnmatchedPattern& pattern : unmatched) {
    fmt::print(stderr, "warning: {} {} matches no linear layer of this model{}\n", pattern.option, pattern.pattern,
               pattern.hint.empty() ? "" : "; " + pattern.hint);
  }
  for (const std::string& note : notes) fmt::print(stderr, "note: {}\n", note);
}

ConvertReport RunWithProgress(const ConversionArgs& args, const char* label,
                              const std::function<ConvertReport(const ConvertProgress&)>& convert) {
  ConvertReport report;
  try {
    const InterruptGuard guard;
    ProgressBar bar(label, ProgressBar::Unit::kBytes);
    report = convert([&bar](uint64_t done, uint64_t total) {
      ThrowIfInterrupted();
      bar.Update(done, total);
    });
  } catch (const Interrupted&) {
    const std::string work = WorkPath(args.destination).string();
    if (std::filesystem::exists(work)) {
      fmt::print(stderr, "interrupted: weight files that are finished stay in {}; go on with --resume\n", work);
    } else {
      fmt::print(stderr, "interrupted: no weight file was finished yet, nothing is left of it\n");
    }
    throw;
  }
  PrintWarnings(report.unmatched, report.notes);
  for (const std::string& file : report.skipped_files) {
    fmt::print(stderr,
               "warning: {} was not copied: it is a directory, a training state, or weights in another format\n", file);
  }
  if (report.kept_shards > 0) {
    fmt::print(stderr, "note: {} of {} weight files were finished by an earlier run\n", report.kept_shards,
               report.shards);
  }
  return report;
}

}  // namespace w8a16
