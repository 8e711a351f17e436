#include "convert/report_tables.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/numbers.h"
#include "base/strings.h"
#include "convert/report_axis.h"
#include "convert/report_numbers.h"
#include "convert/report_reasons.h"
#include "convert/sqnr_summary.h"

namespace w8a16 {
namespace {

constexpr size_t kWorst = 10;
// A page of more rows than this is slow to open, and read by nobody.
constexpr size_t kMaxRows = 3000;
// So many names are shown; more of them are folded up.
constexpr size_t kNamesShown = 8;

struct Sizes {
  uint64_t before = 0;
  uint64_t after = 0;
};

std::string Ratio(const Sizes& sizes) {
  if (sizes.before == 0) return "";
  return FormatFixed(100 * static_cast<double>(sizes.after) / static_cast<double>(sizes.before), 1) + " %";
}

std::string Shape(const ConvertedLayer& layer) {
  return StrCat(Grouped(layer.out_features), " × ", Grouped(layer.in_features));
}

std::vector<const ConvertedLayer*> BySqnr(const std::vector<ConvertedLayer>& layers) {
  std::vector<const ConvertedLayer*> sorted;
  sorted.reserve(layers.size());
  for (const ConvertedLayer& layer : layers) sorted.push_back(&layer);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const ConvertedLayer* a, const ConvertedLayer* b) { return a->sqnr_db < b->sqnr_db; });
  return sorted;
}

Html Bar(std::string_view label, uint64_t quantized, uint64_t other, uint64_t widest) {
  const auto width = [widest](uint64_t bytes) {
    return widest == 0 ? std::string("0%") : PercentOf(static_cast<double>(bytes) / static_cast<double>(widest));
  };
  Html out;
  out << "<div class=\"bar\" role=\"img\" aria-label=\"" << label << ": " << FormatBytes(quantized + other)
      << "\"><span>" << label << "</span><div class=\"track\"><i class=\"part-0\" style=\"width:" << width(quantized)
      << "\"></i><i class=\"part-1\" style=\"width:" << width(other) << "\"></i></div><b>"
      << FormatBytes(quantized + other) << "</b></div>\n";
  return out;
}

Html SizeRow(const Html& head, const Sizes& sizes) {
  Html out;
  out << "<tr><th scope=\"row\">" << head << "</th><td>" << FormatBytes(sizes.before) << "</td><td>"
      << FormatBytes(sizes.after) << "</td><td>" << Ratio(sizes) << "</td></tr>\n";
  return out;
}

}  // namespace

Html SizesPart(const ConvertReport& report) {
  Sizes quantized;
  for (const ConvertedLayer& layer : report.layers) {
    quantized.before += layer.bytes_before;
    quantized.after += layer.bytes_after;
  }
  const Sizes all = {report.bytes_before, report.bytes_after};
  const Sizes other = {all.before - quantized.before, all.after - quantized.after};
  const uint64_t widest = std::max(all.before, all.after);
  Html quantized_head;
  quantized_head << "<i class=\"swatch part-0\"></i>Quantized linear layers";
  Html other_head;
  other_head << "<i class=\"swatch part-1\"></i>Everything else";
  Html all_head;
  all_head << "All tensors";
  Html out;
  out << Bar("Before", quantized.before, other.before, widest) << Bar("After", quantized.after, other.after, widest)
      << "<table class=\"sizes\">\n<thead><tr><th scope=\"col\">Part</th><th scope=\"col\">Before</th>"
         "<th scope=\"col\">After</th><th scope=\"col\">Left</th></tr></thead>\n<tbody>\n"
      << SizeRow(quantized_head, quantized) << SizeRow(other_head, other) << "</tbody>\n<tfoot>"
      << SizeRow(all_head, all) << "</tfoot>\n</table>\n";
  return out;
}

Html KindsTable(const LayerMap& map) {
  Html out;
  out << "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Kinds of layers\">\n<table>\n<thead><tr>"
         "<th scope=\"col\">Kind</th><th scope=\"col\">Layers</th><th scope=\"col\">Median SQNR</th>"
         "<th scope=\"col\">Lowest</th><th scope=\"col\">Before</th><th scope=\"col\">After</th></tr></thead>\n"
         "<tbody>\n";
  for (const LayerKind& kind : map.kinds) {
    Sizes sizes;
    for (const ConvertedLayer* layer : kind.layers) {
      sizes.before += layer->bytes_before;
      sizes.after += layer->bytes_after;
    }
    const SqnrSummary sqnr = SummarizeSqnr(kind.layers);
    out << "<tr><th scope=\"row\"><code>" << kind.label << "</code></th><td>"
        << Grouped(static_cast<int64_t>(kind.layers.size())) << "</td><td>" << Decibels(sqnr.median_db) << "</td><td>"
        << Decibels(sqnr.worst_db) << "</td><td>" << FormatBytes(sizes.before) << "</td><td>"
        << FormatBytes(sizes.after) << "</td></tr>\n";
  }
  out << "</tbody>\n</table>\n</div>\n";
  return out;
}

Html WorstTable(const std::vector<ConvertedLayer>& layers) {
  std::vector<const ConvertedLayer*> worst = BySqnr(layers);
  worst.erase(std::remove_if(worst.begin(), worst.end(),
                             [](const ConvertedLayer* layer) { return !std::isfinite(layer->sqnr_db); }),
              worst.end());
  worst.resize(std::min(worst.size(), kWorst));
  Html out;
  if (worst.empty()) return out;
  out << "<table class=\"worst\">\n<thead><tr><th scope=\"col\">Layer</th><th scope=\"col\">SQNR</th>"
         "<th scope=\"col\">Why</th></tr></thead>\n<tbody>\n";
  for (const ConvertedLayer* layer : worst) {
    out << "<tr><th scope=\"row\"><code>" << layer->name << "</code><small>" << Shape(*layer) << "</small></th><td>"
        << Decibels(layer->sqnr_db) << "<small>" << RelativeError(layer->sqnr_db) << "</small></td><td class=\"why\">";
    for (const SqnrReason& reason : SqnrReasons(*layer)) {
      out << "<p><b>" << reason.title << ":</b> " << reason.text << "</p>";
    }
    out << "</td></tr>\n";
  }
  out << "</tbody>\n</table>\n";
  return out;
}

Html IgnoredList(const std::vector<IgnoredModule>& ignored) {
  std::vector<std::pair<std::string, std::vector<std::string>>> reasons;  // in order of their first appearance
  for (const IgnoredModule& module : ignored) {
    auto at = std::find_if(reasons.begin(), reasons.end(), [&](const auto& r) { return r.first == module.reason; });
    if (at == reasons.end()) at = reasons.insert(reasons.end(), {module.reason, {}});
    at->second.push_back(module.name);
  }
  Html out;
  if (reasons.empty()) return out;
  out << "<dl class=\"ignored\">\n";
  for (const auto& [reason, names] : reasons) {
    out << "<dt>" << reason << "</dt>\n<dd>";
    Html list;
    list << "<ul>";
    for (const std::string& name : names) list << "<li><code>" << name << "</code></li>";
    list << "</ul>";
    if (names.size() > kNamesShown) {
      out << "<details><summary>" << Grouped(static_cast<int64_t>(names.size())) << " layers</summary>" << list
          << "</details>";
    } else {
      out << list;
    }
    out << "</dd>\n";
  }
  out << "</dl>\n";
  return out;
}

Html AllLayersTable(const std::vector<ConvertedLayer>& layers) {
  std::vector<const ConvertedLayer*> shown;
  const auto all = Grouped(static_cast<int64_t>(layers.size()));
  std::string title = layers.size() == 1 ? "The one layer" : StrCat("All ", all, " layers");
  if (layers.size() <= kMaxRows) {
    for (const ConvertedLayer& layer : layers) shown.push_back(&layer);
  } else {
    shown = BySqnr(layers);
    shown.resize(kMaxRows);
    title = StrCat("The ", Grouped(kMaxRows), " layers of ", all, " with the lowest SQNR (--json prints all)");
  }
  Html out;
  out << "<details class=\"all\"><summary>" << title
      << "</summary>\n<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"" << title
      << "\">\n<table>\n<thead><tr><th scope=\"col\">Layer</th><th scope=\"col\">Out × in</th>"
         "<th scope=\"col\">SQNR</th><th scope=\"col\">Largest error</th><th scope=\"col\">Outlier ratio</th>"
         "<th scope=\"col\">in row</th><th scope=\"col\">Zero rows</th><th scope=\"col\">Smallest scale</th>"
         "<th scope=\"col\">Median scale</th><th scope=\"col\">Largest scale</th><th scope=\"col\">Before</th>"
         "<th scope=\"col\">After</th></tr></thead>\n<tbody>\n";
  for (const ConvertedLayer* layer : shown) {
    const bool scales = !layer->scales.counts.empty();
    const auto scale = [scales](float value) { return scales ? Small(value) : std::string("–"); };
    out << "<tr><th scope=\"row\"><code>" << layer->name << "</code></th><td>" << Shape(*layer) << "</td><td>"
        << Decibels(layer->sqnr_db) << "</td><td>" << Small(layer->max_error) << "</td><td>"
        << (scales ? FormatThreeDigits(layer->outlier_ratio) : std::string("–")) << "</td><td>"
        << (scales ? Grouped(layer->outlier_row) : std::string("–")) << "</td><td>" << Grouped(layer->zero_rows)
        << "</td><td>" << scale(layer->scales.min) << "</td><td>" << scale(layer->scales.median) << "</td><td>"
        << scale(layer->scales.max) << "</td><td>" << FormatBytes(layer->bytes_before) << "</td><td>"
        << FormatBytes(layer->bytes_after) << "</td></tr>\n";
  }
  out << "</tbody>\n</table>\n</div>\n</details>\n";
  return out;
}

}  // namespace w8a16
