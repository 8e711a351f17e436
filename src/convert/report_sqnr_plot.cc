#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "base/numbers.h"
#include "base/strings.h"
#include "convert/report_axis.h"
#include "convert/report_numbers.h"
#include "convert/report_plots.h"
#include "convert/sqnr_summary.h"

namespace w8a16 {
namespace {

// Of the plot in pixels, from the top.
constexpr double kExact = 10;  // where layers without any error stand
constexpr double kTop = 14;
constexpr double kTopBelowExact = 44;
constexpr double kBottom = 316;
constexpr int kTickLabels = 334;
constexpr int kStackLabels = 356;
constexpr int kHeight = 364;

// What decides which names have room: the page is about that wide, a character is on average.
constexpr size_t kWidth = 900;
constexpr size_t kPhoneWidth = 300;
constexpr size_t kCharacter = 7;

constexpr size_t kColours = 8;

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  bool any_exact = false;
};

const ConvertedLayer& Lowest(const MapPoint& point) { return *point.layers.front(); }
const ConvertedLayer& Median(const MapPoint& point) { return *point.layers[point.layers.size() / 2]; }
const ConvertedLayer& Highest(const MapPoint& point) { return *point.layers.back(); }

Range FindRange(const LayerMap& map) {
  Range range;
  for (const LayerKind& kind : map.kinds) {
    for (const ConvertedLayer* layer : kind.layers) {
      if (std::isfinite(layer->sqnr_db)) {
        range.low = std::min(range.low, layer->sqnr_db);
        range.high = std::max(range.high, layer->sqnr_db);
      } else {
        range.any_exact = true;
      }
    }
  }
  return range;
}

// Colour and shape together are never those of another kind: who cannot tell colours has the shapes.
size_t ShapeOf(size_t kind) { return kind < kColours ? kind : (kind + 3) % kColours; }

class Plotter {
 public:
  explicit Plotter(const LayerMap& map) : map_(map), range_(FindRange(map)) {
    const bool finite = range_.low <= range_.high;
    if (finite) axis_ = EnclosingAxis(range_.low, range_.high, 6, 0.1);
    top_ = range_.any_exact ? kTopBelowExact : kTop;
    finite_ = finite;
  }

  Html Run() {
    Html out;
    out << "<svg class=\"plot\" role=\"img\" height=\"" << kHeight << "\" aria-label=\"" << Description() << "\">\n";
    out << Shapes() << Grid() << Depth();
    // Lines below all marks.
    for (size_t i = 0; i < map_.kinds.size(); ++i) out << Lines(i);
    for (size_t i = 0; i < map_.kinds.size(); ++i) out << Marks(i);
    out << "</svg>\n";
    return out;
  }

  Html Legend() const {
    Html out;
    out << "<div class=\"legend\">\n";
    for (size_t i = 0; i < map_.kinds.size(); ++i) {
      out << "<label class=\"kind-" << i << "\"><input type=\"checkbox\" id=\"kind-" << i
          << "\" checked=\"checked\"/><svg class=\"key\" width=\"26\" height=\"12\" aria-hidden=\"true\"><line "
             "x1=\"0\" "
             "x2=\"26\" y1=\"6\" y2=\"6\"/><use href=\"#mark-"
          << ShapeOf(i) << "\" x=\"13\" y=\"6\"/></svg>" << map_.kinds[i].label << "</label>\n";
    }
    out << "</div>\n";
    return out;
  }

 private:
  double Y(double sqnr_db) const {
    if (!std::isfinite(sqnr_db)) return kExact;
    return kBottom - axis_.Position(sqnr_db) * (kBottom - top_);
  }
  double X(size_t column) const {
    return (static_cast<double>(column) + 0.5) / static_cast<double>(map_.columns.size());
  }

  std::string Description() const {
    std::vector<const ConvertedLayer*> all;
    for (const LayerKind& kind : map_.kinds) all.insert(all.end(), kind.layers.begin(), kind.layers.end());
    const SqnrSummary summary = SummarizeSqnr(all);
    return StrCat("SQNR of ", Grouped(static_cast<int64_t>(all.size())), all.size() == 1 ? " layer" : " layers",
                  " by depth, in ", map_.kinds.size(), map_.kinds.size() == 1 ? " kind" : " kinds", ": median ",
                  Decibels(summary.median_db), ", lowest ", Decibels(summary.worst_db), " (", summary.worst_layer,
                  "). The tables below have the same numbers.");
  }

  static Html Shapes() {
    Html out;
    out << "<defs>"
           "<g id=\"mark-0\"><circle r=\"4\"/></g>"
           "<g id=\"mark-1\"><rect x=\"-3.6\" y=\"-3.6\" width=\"7.2\" height=\"7.2\"/></g>"
           "<g id=\"mark-2\"><path d=\"M0-5 4.8 3.6H-4.8Z\"/></g>"
           "<g id=\"mark-3\"><path d=\"M0-5.4 5.4 0 0 5.4-5.4 0Z\"/></g>"
           "<g id=\"mark-4\"><path d=\"M0 5 4.8-3.6H-4.8Z\"/></g>"
           "<g id=\"mark-5\"><path d=\"M-1.6-5H1.6V-1.6H5V1.6H1.6V5H-1.6V1.6H-5V-1.6H-1.6Z\"/></g>"
           "<g id=\"mark-6\"><path d=\"M-2.6-4.5H2.6L5.2 0 2.6 4.5H-2.6L-5.2 0Z\"/></g>"
           "<g id=\"mark-7\"><path d=\"M-6-2.4H6V2.4H-6Z\"/></g>"
           "</defs>\n";
    return out;
  }

  // Levels of SQNR, with the error that they stand for at the right.
  Html Grid() const {
    Html out;
    out << "<g class=\"grid\" aria-hidden=\"true\">\n";
    if (range_.any_exact) out << GridLine(kExact, "exact", "0 %");
    if (finite_) {
      for (const double tick : axis_.ticks) {
        out << GridLine(Y(tick), FormatFixed(tick, axis_.decimals), RelativeError(tick));
      }
    }
    out << "<text class=\"unit\" x=\"-8\" y=\"-4\">dB</text><text class=\"unit error\" x=\"100%\" dx=\"8\" "
           "y=\"-4\">error</text>\n</g>\n";
    return out;
  }

  static Html GridLine(double y, std::string_view left, std::string_view right) {
    const std::string at = FormatFixed(y, 1);
    const std::string text = FormatFixed(y + 4, 1);
    Html out;
    out << "<line x1=\"0\" x2=\"100%\" y1=\"" << at << "\" y2=\"" << at << "\"/><text x=\"-8\" y=\"" << text << "\">"
        << left << "</text><text class=\"error\" x=\"100%\" dx=\"8\" y=\"" << text << "\">" << right << "</text>\n";
    return out;
  }

  Html Depth() const {
    Html out;
    out << "<g class=\"depth\" aria-hidden=\"true\">\n";
    const size_t stride = LabelStride(map_.columns.size(), 24);
    const size_t wide_stride = LabelStride(map_.columns.size(), 8);
    for (const LayerStack& stack : map_.stacks) {
      if (stack.begin > 0) {
        const std::string x = PercentOf(static_cast<double>(stack.begin) / static_cast<double>(map_.columns.size()));
        out << "<line x1=\"" << x << "\" x2=\"" << x << "\" y1=\"0\" y2=\"" << kStackLabels << "\"/>\n";
      }
      if (stack.name.empty() && !NamesFit(stack)) continue;
      for (size_t column = stack.begin; column < stack.end; ++column) {
        const size_t index = column - stack.begin;
        if (!stack.name.empty() && index % stride != 0) continue;
        const bool minor = stack.name.empty() || index % wide_stride != 0;
        out << (minor ? Tick("minor", column) : Tick("", column));
      }
    }
    out << StackNames() << "</g>\n";
    return out;
  }

  Html Tick(std::string_view css_class, size_t column) const {
    Html out;
    out << "<text class=\"" << css_class << "\" x=\"" << PercentOf(X(column)) << "\" y=\"" << kTickLabels << "\">"
        << map_.columns[column] << "</text>\n";
    return out;
  }

  bool NamesFit(const LayerStack& stack) const {
    const size_t room = kWidth / kCharacter / map_.columns.size();
    return std::all_of(map_.columns.begin() + static_cast<std::ptrdiff_t>(stack.begin),
                       map_.columns.begin() + static_cast<std::ptrdiff_t>(stack.end),
                       [room](const std::string& name) { return name.size() < room; });
  }

  Html StackNames() const {
    Html out;
    for (const LayerStack& stack : map_.stacks) {
      const double columns = static_cast<double>(map_.columns.size());
      const double share = static_cast<double>(stack.end - stack.begin) / columns;
      const double middle = (static_cast<double>(stack.begin) + static_cast<double>(stack.end)) / 2 / columns;
      const auto room = [share](size_t width) {
        const size_t characters = width / kCharacter;
        return static_cast<size_t>(share * static_cast<double>(characters));
      };
      std::string name = stack.name;
      if (name.empty()) name = map_.stacks.size() == 1 ? "layers in their order" : "others";
      if (name.size() > room(kWidth)) {
        if (room(kWidth) < 6) continue;
        // The end of a long name says more than its beginning.
        name = "…" + name.substr(name.size() - room(kWidth) + 1);
      }
      out << "<text class=\"stack" << (name.size() > room(kPhoneWidth) ? std::string(" minor") : std::string())
          << "\" x=\"" << PercentOf(middle) << "\" y=\"" << kStackLabels << "\">" << name << "</text>\n";
    }
    return out;
  }

  // Stretched in x alone, which only a view box of its own can do.
  Html Lines(size_t index) const {
    const LayerKind& kind = map_.kinds[index];
    Html out;
    out << "<svg class=\"lines kind-" << index << "\" width=\"100%\" height=\"" << kHeight << "\" viewBox=\"0 0 1000 "
        << kHeight << "\" preserveAspectRatio=\"none\" aria-hidden=\"true\">";
    for (const LayerStack& stack : map_.stacks) {
      std::vector<const MapPoint*> joined;
      for (const MapPoint& point : kind.points) {
        if (point.column < stack.begin || point.column >= stack.end) continue;
        // "Exact" is not on the scale, so no line leads there.
        if (std::isfinite(Median(point).sqnr_db)) {
          joined.push_back(&point);
        } else {
          out << Line(joined);
          joined.clear();
        }
      }
      out << Line(joined);
    }
    out << "</svg>\n";
    return out;
  }

  Html Line(const std::vector<const MapPoint*>& joined) const {
    Html out;
    if (joined.size() < 2) return out;
    out << "<polyline points=\"";
    for (const MapPoint* point : joined) {
      out << FormatFixed(1000 * X(point->column), 1) << "," << FormatFixed(Y(Median(*point).sqnr_db), 1) << " ";
    }
    out << "\"/>";
    return out;
  }

  Html Marks(size_t index) const {
    Html out;
    out << "<g class=\"marks kind-" << index << "\">\n";
    for (const MapPoint& point : map_.kinds[index].points) out << Mark(point, index);
    out << "</g>\n";
    return out;
  }

  Html Mark(const MapPoint& point, size_t index) const {
    const std::string x = PercentOf(X(point.column));
    Html out;
    out << "<g><title>" << Title(point, map_.kinds[index]) << "</title>";
    if (point.layers.size() > 1) {
      out << "<line x1=\"" << x << "\" x2=\"" << x << "\" y1=\"" << FormatFixed(Y(Highest(point).sqnr_db), 1)
          << "\" y2=\"" << FormatFixed(Y(Lowest(point).sqnr_db), 1) << "\"/>";
    }
    out << "<use href=\"#mark-" << ShapeOf(index) << "\" x=\"" << x << "\" y=\""
        << FormatFixed(Y(Median(point).sqnr_db), 1) << "\"/></g>\n";
    return out;
  }

  static std::string Title(const MapPoint& point, const LayerKind& kind) {
    if (point.layers.size() == 1) return StrCat(Lowest(point).name, ": ", Decibels(Lowest(point).sqnr_db));
    return StrCat(Grouped(static_cast<int64_t>(point.layers.size())), " layers, ", kind.label, ": median ",
                  Decibels(Median(point).sqnr_db), ", highest ", Decibels(Highest(point).sqnr_db), ", lowest ",
                  Decibels(Lowest(point).sqnr_db), " (", Lowest(point).name, ")");
  }

  const LayerMap& map_;
  Range range_;
  Axis axis_;
  double top_ = kTop;
  bool finite_ = false;
};

}  // namespace

Html SqnrPlot(const LayerMap& map) {
  if (map.columns.empty()) return {};
  Plotter plotter(map);
  Html out;
  out << plotter.Legend() << plotter.Run();
  return out;
}

}  // namespace w8a16
