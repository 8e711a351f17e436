#include "convert/report_reasons.h"

#include <algorithm>
#include <cmath>

#include "base/numbers.h"
#include "base/strings.h"
#include "convert/report_numbers.h"

namespace w8a16 {
namespace {

// A peak above the Gaussian one by this factor is no chance: in 10^4 Gaussian weights that is less likely than 10^-6,
// in more of them less likely still.
constexpr double kUnusual = 1.5;

// A row that makes this part of a layer's error speaks for itself.
constexpr double kDominant = 0.25;

double ScaleSpread(const ScaleSummary& scales) {
  return scales.median > 0 ? static_cast<double>(scales.max) / static_cast<double>(scales.median) : 1;
}

// Noise is scale² / 12 in every row, so this is the largest row's part of it if the median stands for all others.
double LargestRowShare(const ScaleSummary& scales, double rows) {
  const double spread2 = ScaleSpread(scales) * ScaleSpread(scales);
  return rows > 1 ? spread2 / (spread2 + rows - 1) : 0;
}

}  // namespace

double GaussianPeak(double count) { return std::sqrt(2 * std::log(2 * std::max(1.0, count))); }

double EvenPeak(double sqnr_db) { return 127 * std::sqrt(12.0) * std::pow(10.0, -sqnr_db / 20); }

std::vector<SqnrReason> SqnrReasons(const ConvertedLayer& layer) {
  if (layer.zero_rows >= layer.out_features) return {{"All zeros", "no weight was changed."}};
  if (std::isinf(layer.sqnr_db)) return {{"Exact", "every weight is a whole multiple of its row's scale."}};
  const double rows = static_cast<double>(layer.out_features);
  const double columns = static_cast<double>(layer.in_features);
  const double expected = GaussianPeak(rows * columns);
  std::vector<SqnrReason> reasons;
  if (layer.outlier_ratio > kUnusual * expected) {
    reasons.push_back(
        {"Outlier",
         StrCat("one weight of row ", Grouped(layer.outlier_row), " is ", FormatThreeDigits(layer.outlier_ratio),
                " times the row's root mean square (bell-shaped weights: up to ", FormatFixed(expected, 1), ").")});
  }
  const double even = EvenPeak(layer.sqnr_db);
  const double expected_even = GaussianPeak(columns);
  if (const double share = LargestRowShare(layer.scales, rows); share > kDominant) {
    reasons.push_back({"Uneven rows", StrCat("the largest scale is ", FormatThreeDigits(ScaleSpread(layer.scales)),
                                             " times the median; that row alone makes about ",
                                             FormatFixed(100 * share, 0), " % of the layer's error.")});
  } else if (even > kUnusual * expected_even) {
    reasons.push_back({"Heavy tails",
                       StrCat("over all rows, the largest weight is ", FormatFixed(even, 1),
                              " times the root mean square (bell-shaped rows: ", FormatFixed(expected_even, 1), ").")});
  }
  if (reasons.empty()) {
    reasons.push_back(
        {"Nothing unusual", StrCat("the largest weight of any row is ", FormatThreeDigits(layer.outlier_ratio),
                                   " times the row's root mean square, as in bell-shaped weights.")});
  }
  if (layer.zero_rows > 0) {
    reasons.push_back({"Zero rows", StrCat(Grouped(layer.zero_rows), " of ", Grouped(layer.out_features),
                                           " hold zeros alone, which adds nothing to the error.")});
  }
  return reasons;
}

}  // namespace w8a16
