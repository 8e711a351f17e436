#include "convert/report_page.h"

#include <filesystem>

#include "base/numbers.h"
#include "base/strings.h"
#include "convert/layer_map.h"
#include "convert/report_html.h"
#include "convert/report_numbers.h"
#include "convert/report_plots.h"
#include "convert/report_style.h"
#include "convert/report_tables.h"
#include "convert/sqnr_summary.h"

namespace w8a16 {
namespace {

std::string Count(size_t count, const char* one, const char* many) {
  return StrCat(Grouped(static_cast<int64_t>(count)), " ", count == 1 ? one : many);
}

std::string ModelName(const std::string& source) {
  const std::filesystem::path path = std::filesystem::path(source).lexically_normal();
  std::string name = (path.has_filename() ? path : path.parent_path()).filename().string();
  return name.empty() || name == "." || name == ".." ? source : name;
}

// "44.1 % smaller".
std::string Change(const ConvertReport& report) {
  if (report.bytes_before == 0) return "no tensors";
  const double change = 100 * (1 - static_cast<double>(report.bytes_after) / static_cast<double>(report.bytes_before));
  return StrCat(FormatFixed(change < 0 ? -change : change, 1), change < 0 ? " % larger" : " % smaller");
}

Html Head(const ConvertReport& report, const ReportFacts& facts) {
  Html out;
  out << "<header>\n<p class=\"eyebrow\">Quantization report</p>\n<h1>" << ModelName(facts.source) << "</h1>\n"
      << "<p class=\"lead\">";
  if (report.layers.empty()) {
    out << "No linear layer was quantized.";
  } else {
    const SqnrSummary sqnr = SummarizeSqnr(report);
    out << "<b>" << Count(report.layers.size(), "linear layer", "linear layers") << "</b> in 8 bits, the checkpoint <b>"
        << Change(report) << "</b>. In the median layer rounding moved the weights by <b>"
        << RelativeError(sqnr.median_db) << "</b> of their size (root mean square), in the worst one by <b>"
        << RelativeError(sqnr.worst_db) << "</b>.";
  }
  out << "</p>\n<dl class=\"facts\">\n<dt>Source</dt><dd><code>" << facts.source
      << "</code></dd>\n<dt>Destination</dt><dd><code>" << facts.destination << "</code></dd>\n<dt>Format</dt><dd>"
      << facts.format << " (compressed-tensors)</dd>\n<dt>Made</dt><dd>" << facts.date << " by w8a16 " << facts.version
      << ", in " << FormatSeconds(report.seconds) << "</dd>\n</dl>\n</header>\n";
  return out;
}

Html Tile(std::string_view label, std::string_view value, std::string_view detail) {
  Html out;
  out << "<li><span>" << label << "</span><b>" << value << "</b><small>" << detail << "</small></li>\n";
  return out;
}

Html Tiles(const ConvertReport& report) {
  Html out;
  out << "<ul class=\"tiles\">\n"
      << Tile("Tensors", FormatBytes(report.bytes_after),
              StrCat("from ", FormatBytes(report.bytes_before), ", ", Change(report)))
      << Tile("Layers in 8 bits", Grouped(static_cast<int64_t>(report.layers.size())),
              StrCat(Count(report.ignored.size(), "linear layer", "linear layers"), " stayed float"));
  if (!report.layers.empty()) {
    const SqnrSummary sqnr = SummarizeSqnr(report);
    out << Tile("SQNR, median layer", Decibels(sqnr.median_db), StrCat("error ", RelativeError(sqnr.median_db)))
        << Tile("SQNR, worst layer", Decibels(sqnr.worst_db), sqnr.worst_layer);
  }
  out << "</ul>\n";
  return out;
}

Html Section(const char* id, std::string_view title, const Html& content) {
  Html out;
  out << "<section aria-labelledby=\"" << std::string_view(id) << "\">\n<h2 id=\"" << std::string_view(id) << "\">"
      << title << "</h2>\n"
      << content << "</section>\n";
  return out;
}

Html Quality(const ConvertReport& report, const LayerMap& map) {
  Html out;
  out << "<p>How far the weights stand above the error of rounding them (signal-to-quantization-noise ratio): 40 dB is "
         "an error of 1 % of the weights, each 6 dB more halve it. From left to right the model from its first block "
         "to "
         "its last; where several layers share a place (experts), the mark is their median and the line their "
         "range.</p>"
         "\n<figure>\n"
      << SqnrPlot(map) << "</figure>\n<h3>By kind of layer</h3>\n"
      << KindsTable(map) << AllLayersTable(report.layers);
  return out;
}

Html Scales(const ConvertReport& report) {
  int64_t zero_rows = 0;
  for (const ConvertedLayer& layer : report.layers) zero_rows += layer.zero_rows;
  Html out;
  out << "<p>Each row of a weight matrix has one scale, the step between its 8-bit levels: its largest weight is 127 "
         "steps. A narrow hill is usual; bars far to the right of it are rows with outliers or of layers with large "
         "weights.";
  if (zero_rows > 0) {
    out << " " << Count(static_cast<size_t>(zero_rows), "row", "rows")
        << " of zeros, whose scale says nothing, are left out.";
  }
  out << "</p>\n<figure>\n" << ScalesPlot(report.layers) << "</figure>\n";
  return out;
}

Html Worst(const ConvertReport& report) {
  const Html table = WorstTable(report.layers);
  Html out;
  if (table.markup().empty()) {
    out << "<p>None: every weight of every layer was kept exactly.</p>\n";
    return out;
  }
  out << "<p>The lowest SQNR first, with what the weights say about the reason. A row's largest weight sets the step "
         "for "
         "all of its weights, so one that sticks out makes the others coarse. Rows count from 0. <code>--ignore</code> "
         "and a name keep a layer float.</p>\n"
      << table;
  return out;
}

Html Ignored(const ConvertReport& report) {
  Html out;
  out << "<p>Linear layers that were not quantized, by the reason. Embeddings and norms, which never are, do not count "
         "as linear layers.</p>\n";
  const Html list = IgnoredList(report.ignored);
  if (list.markup().empty()) {
    out << "<p>None: all linear layers are in 8 bits.</p>\n";
  } else {
    out << list;
  }
  return out;
}

Html Notes(const ConvertReport& report) {
  Html items;
  for (const UnmatchedPattern& pattern : report.unmatched) {
    items << "<li class=\"warning\"><b>Warning:</b> <code>" << pattern.option << " " << pattern.pattern
          << "</code> matches no linear layer of this model";
    if (!pattern.hint.empty()) items << "; " << pattern.hint;
    items << ".</li>\n";
  }
  for (const std::string& file : report.skipped_files) {
    items << "<li class=\"warning\"><b>Warning:</b> <code>" << file
          << "</code> was not copied: it is a directory, a training state, or weights in another format.</li>\n";
  }
  for (const std::string& note : report.notes) items << "<li>" << note << "</li>\n";
  if (report.kept_shards > 0) {
    items << "<li>" << Grouped(static_cast<int64_t>(report.kept_shards)) << " of "
          << Count(report.shards, "weight file", "weight files")
          << " were finished by an earlier run, which left what this page says about their layers; the time is that of "
             "the last run alone.</li>\n";
  }
  Html out;
  if (items.markup().empty()) return out;
  out << "<ul class=\"notes\">\n" << items << "</ul>\n";
  return out;
}

}  // namespace

std::string RenderReportPage(const ConvertReport& report, const ReportFacts& facts) {
  const LayerMap map = MapLayers(report.layers);
  Html out;
  out << "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n<meta "
         "charset=\"utf-8\"/>\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
         "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>"
      << ModelName(facts.source) << " in 8 bits: quantization report</title>\n<style>" << Html::Trusted(ReportStyle())
      << "</style>\n</head>\n<body>\n"
      << Head(report, facts) << "<main>\n"
      << Tiles(report) << Section("sizes", "Size", SizesPart(report));
  if (!report.layers.empty()) {
    out << Section("sqnr", "Quality by depth", Quality(report, map)) << Section("worst", "Worst layers", Worst(report))
        << Section("scales", "Scales", Scales(report));
  }
  out << Section("ignored", "What stayed float", Ignored(report));
  const Html notes = Notes(report);
  if (!notes.markup().empty()) out << Section("notes", "Notes", notes);
  out << "</main>\n<footer>w8a16 " << facts.version << ", " << facts.date
      << ". This page is one file, without scripts, and loads nothing.</footer>\n</body>\n</html>\n";
  return out.markup();
}

}  // namespace w8a16
