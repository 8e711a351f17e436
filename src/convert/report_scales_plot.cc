#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "base/numbers.h"
#include "base/strings.h"
#include "convert/report_axis.h"
#include "convert/report_numbers.h"
#include "convert/report_plots.h"

namespace w8a16 {
namespace {

// Of the plot in pixels, from the top.
constexpr double kTop = 12;
constexpr double kBottom = 196;
constexpr int kTickLabels = 214;
constexpr int kHeight = 222;

// More bins than this and neighbours are taken together.
constexpr int64_t kMaxBins = 72;

struct Bins {
  int64_t first = 0;
  int64_t width = 1;  // in bins of ScaleSummary
  std::vector<int64_t> counts;
  float min = 0;
  float max = 0;

  // log10 of where bin i begins.
  double Begin(size_t i) const {
    const auto bin = static_cast<double>((first + static_cast<int64_t>(i)) * width);
    return bin / ScaleSummary::kBinsPerOctave * std::log10(2.0);
  }
};

int64_t FloorDivide(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

Bins Merge(const std::vector<ConvertedLayer>& layers) {
  std::map<int64_t, int64_t> counts;
  Bins bins;
  for (const ConvertedLayer& layer : layers) {
    const ScaleSummary& scales = layer.scales;
    if (scales.counts.empty()) continue;
    bins.min = counts.empty() ? scales.min : std::min(bins.min, scales.min);
    bins.max = counts.empty() ? scales.max : std::max(bins.max, scales.max);
    for (size_t i = 0; i < scales.counts.size(); ++i) {
      if (scales.counts[i] > 0) counts[int64_t{scales.first_bin} + static_cast<int64_t>(i)] += scales.counts[i];
    }
  }
  if (counts.empty()) return bins;
  const int64_t first = counts.begin()->first;
  const int64_t last = counts.rbegin()->first;
  while (FloorDivide(last, bins.width) - FloorDivide(first, bins.width) >= kMaxBins) bins.width *= 2;
  bins.first = FloorDivide(first, bins.width);
  bins.counts.resize(static_cast<size_t>(FloorDivide(last, bins.width) - bins.first) + 1);
  for (const auto& [bin, count] : counts) {
    bins.counts[static_cast<size_t>(FloorDivide(bin, bins.width) - bins.first)] += count;
  }
  return bins;
}

class Plotter {
 public:
  explicit Plotter(Bins bins)
      : bins_(std::move(bins)),
        counts_(
            EnclosingAxis(0, static_cast<double>(*std::max_element(bins_.counts.begin(), bins_.counts.end())), 4, 1)),
        low_(bins_.Begin(0)),
        high_(bins_.Begin(bins_.counts.size())) {}

  Html Run() const {
    int64_t rows = 0;
    for (const int64_t count : bins_.counts) rows += count;
    Html out;
    out << "<svg class=\"plot\" role=\"img\" height=\"" << kHeight << "\" aria-label=\"Histogram of the scales of "
        << Grouped(rows) << " rows, from " << Small(bins_.min) << " to " << Small(bins_.max) << "\">\n"
        << Grid() << Bars() << Ticks() << "</svg>\n";
    return out;
  }

 private:
  double Y(double count) const { return kBottom - counts_.Position(count) * (kBottom - kTop); }
  double X(double log10) const { return (log10 - low_) / (high_ - low_); }

  Html Grid() const {
    Html out;
    out << "<g class=\"grid\" aria-hidden=\"true\">\n";
    for (const double tick : counts_.ticks) {
      const std::string y = FormatFixed(Y(tick), 1);
      out << "<line x1=\"0\" x2=\"100%\" y1=\"" << y << "\" y2=\"" << y << "\"/><text x=\"-8\" y=\""
          << FormatFixed(Y(tick) + 4, 1) << "\">" << Grouped(static_cast<int64_t>(tick)) << "</text>\n";
    }
    out << "<text class=\"unit\" x=\"-8\" y=\"-4\">rows</text></g>\n";
    return out;
  }

  Html Bars() const {
    Html out;
    out << "<g class=\"bars\">\n";
    const double width = 1 / static_cast<double>(bins_.counts.size());
    for (size_t i = 0; i < bins_.counts.size(); ++i) {
      if (bins_.counts[i] == 0) continue;
      // What is there shows, however little it is.
      const double height = std::max(1.5, kBottom - Y(static_cast<double>(bins_.counts[i])));
      out << "<rect x=\"" << PercentOf(width * (static_cast<double>(i) + 0.06)) << "\" width=\""
          << PercentOf(width * 0.88) << "\" y=\"" << FormatFixed(kBottom - height, 1) << "\" height=\""
          << FormatFixed(height, 1) << "\"><title>" << Grouped(bins_.counts[i])
          << (bins_.counts[i] == 1 ? std::string(" row: ") : std::string(" rows: "))
          << Small(std::pow(10.0, bins_.Begin(i))) << " to " << Small(std::pow(10.0, bins_.Begin(i + 1)))
          << "</title></rect>\n";
    }
    out << "</g>\n";
    return out;
  }

  bool HasTick(int factor) const {
    const double decades = high_ - low_;
    return factor == 1 || (decades < 4 && (factor == 2 || factor == 5)) || decades < 0.7;
  }

  // Powers of ten, with 2 and 5 between them where there are few, and all digits where there may be none.
  Html Ticks() const {
    Html out;
    out << "<g class=\"depth\" aria-hidden=\"true\">\n";
    const int decades = static_cast<int>(std::ceil(high_) - std::floor(low_));
    const int stride = static_cast<int>(LabelStride(static_cast<size_t>(decades) + 1, 12));
    for (int exponent = static_cast<int>(std::floor(low_)); exponent <= static_cast<int>(std::ceil(high_));
         ++exponent) {
      for (int factor = 1; factor < 10; ++factor) {
        const double at = exponent + std::log10(factor);
        if (at < low_ || at > high_ || exponent % stride != 0 || !HasTick(factor)) continue;
        const std::string power = PowerOfTen(exponent);
        const std::string x = PercentOf(X(at));
        out << "<line x1=\"" << x << "\" x2=\"" << x << "\" y1=\"" << FormatFixed(kBottom, 0) << "\" y2=\""
            << FormatFixed(kBottom + 5, 0) << "\"/><text x=\"" << x << "\" y=\"" << kTickLabels << "\">"
            << (factor == 1 ? power : StrCat(factor, "×", power)) << "</text>\n";
      }
    }
    out << "</g>\n";
    return out;
  }

  Bins bins_;
  Axis counts_;
  double low_;
  double high_;
};

}  // namespace

Html ScalesPlot(const std::vector<ConvertedLayer>& layers) {
  Bins bins = Merge(layers);
  if (bins.counts.empty()) return {};
  return Plotter(std::move(bins)).Run();
}

}  // namespace w8a16
