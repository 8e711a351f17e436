#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "checkpoint/json.h"
#include "cli/table.h"
#include "convert/convert.h"
#include "convert/plan.h"
#include "convert/sqnr_summary.h"

namespace w8a16 {

/// Two columns: layers, bytes before and after, ratio, worst and median SQNR.
Table ConversionTable(const ConvertReport& report);

/// What `quantize` and `dequantize` share.
struct ConversionArgs {
  std::string source;
  std::string destination;
  std::string max_shard_size = "5GB";
  bool dry_run = false;
  bool force = false;
  bool resume = false;
  int threads = 0;
  bool json = false;
};
void AddConversionOptions(CLI::App& command, ConversionArgs& args, const char* source);
/// Sets what both kinds of options have. Throws CLI::ValidationError for a bad size or a missing DST.
void ReadOutputOptions(const ConversionArgs& args, OutputOptions& options);

/// The plan of args.source: what --dry-run prints, as a table or as JSON.
void PrintPlan(const ConvertPlan& plan, bool json);
/// Patterns without a match, notes and the like, on standard error.
void PrintWarnings(const std::vector<UnmatchedPattern>& unmatched, const std::vector<std::string>& notes);

/// Runs `convert` with a progress bar; a signal ends it between two blocks, and what may be done then is said on
/// standard error. Prints warnings.
ConvertReport RunWithProgress(const ConversionArgs& args, const char* label,
                              const std::function<ConvertReport(const ConvertProgress&)>& convert);

}  // namespace w8a16
