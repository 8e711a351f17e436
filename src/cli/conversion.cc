#include "cli/conversion.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/format.h"

namespace w8a16 {

SqnrSummary SummarizeSqnr(const ConvertReport& report) {
  if (report.layers.empty()) return {};
  std::vector<ConvertedLayer> layers = report.layers;
  std::sort(layers.begin(), layers.end(),
            [](const ConvertedLayer& a, const ConvertedLayer& b) { return a.sqnr_db < b.sqnr_db; });
  return {layers.front().sqnr_db, layers[layers.size() / 2].sqnr_db, layers.front().name};
}

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

}  // namespace w8a16
