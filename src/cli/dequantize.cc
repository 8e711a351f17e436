#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "cli/conversion.h"
#include "cli/format.h"
#include "cli/json_out.h"
#include "cli/model_args.h"
#include "cli/model_directory.h"

namespace w8a16 {
namespace {

struct DequantizeArgs : ConversionArgs {
  std::string dtype;
};

Json ReportJson(const ConvertReport& report) {
  Json layers = Json::array();
  for (const ConvertedLayer& layer : report.layers) {
    layers.push_back({{"name", layer.name}, {"out_features", layer.out_features}, {"in_features", layer.in_features}});
  }
  return {{"bytes_before", report.bytes_before},
          {"bytes_after", report.bytes_after},
          {"seconds", report.seconds},
          {"layers", layers},
          {"skipped_files", report.skipped_files},
          {"weight_files", report.shards},
          {"kept_weight_files", report.kept_shards}};
}

void RunDequantize(const DequantizeArgs& args) {
  DequantizeOptions options;
  ReadOutputOptions(args, options);
  options.dtype = ParseDTypeOption(args.dtype);
  ApplyThreads(args.threads);
  const std::string source = ModelDirectory(args.source);
  if (args.dry_run) {
    PrintPlan(PlanDequantization(Checkpoint::Open(source), options), args.json);
    return;
  }
  const ConvertReport report = RunWithProgress(args, "dequantizing", [&](const ConvertProgress& progress) {
    return DequantizeCheckpoint(source, args.destination, options, progress);
  });
  if (args.json) {
    PrintJson(ReportJson(report));
    return;
  }
  PrintText(fmt::format("{} linear layers are float again: {} of tensors became {}. Wrote {} in {}.\n",
                        report.layers.size(), FormatBytes(report.bytes_before), FormatBytes(report.bytes_after),
                        args.destination, FormatSeconds(report.seconds)));
}

}  // namespace

void AddDequantize(CLI::App& app) {
  const auto args = std::make_shared<DequantizeArgs>();
  CLI::App* command = app.add_subcommand("dequantize", "Turn a quantized checkpoint back into a plain float one");
  AddConversionOptions(*command, *args,
                       "Directory of a quantized checkpoint, or its id on the Hub: org/name[@revision]");
  command
      ->add_option(
          "--dtype", args->dtype,
          "f32, bf16 or f16, for all float tensors (default: weights get the dtype of their scales, others keep "
          "theirs)")
      ->check(CLI::IsMember({"f32", "bf16", "f16"}))
      ->type_name("NAME");
  command->callback([args] { RunDequantize(*args); });
}

}  // namespace w8a16
