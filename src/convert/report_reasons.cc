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

std::string Times(double ratio) { return FormatThreeDigits(ratio); }

}  // namespace

double GaussianPeak(double count) { return std::sqrt(2 * std::log(2 * std::max(1.0, count))); }

double EvenPeak(double sqnr_db) { return 127 * std::sqrt(12.0) * std::pow(10.0, -sqnr_db / 20); }

std::vector<std::string> SqnrReasons(const ConvertedLayer& layer) {
  if (layer.zero_rows >= layer.out_features) return {"All weights are zero, which is kept exactly."};
  if (std::isinf(layer.sqnr_db)) return {"Every weight is a whole multiple of its row's scale: nothing was lost."};
  const double weights = static_cast<double>(layer.out_features) * static_cast<double>(layer.in_features);
  const double expected = GaussianPeak(weights);
  const double expected_in_row = GaussianPeak(static_cast<double>(layer.in_features));
  const double even = EvenPeak(layer.sqnr_db);
  std::vector<std::string> reasons;
  if (layer.outlier_ratio > kUnusual * expected) {
    reasons.push_back(StrCat("Outlier: the largest weight of row ", Grouped(layer.outlier_row), " is ",
                             Times(layer.outlier_ratio),
                             " times the row's root mean square (bell-shaped weights: at most about ", Times(expected),
                             "); the scale has to span it, so all other weights of the row get coarser steps."));
  }
  if (even > kUnusual * expected_in_row) {
    reasons.push_back(StrCat(
        "Heavy tails throughout: the error is what it would be if the largest weight of every row "
        "were ",
        Times(even), " times the row's root mean square (bell-shaped rows: about ", Times(expected_in_row), ")."));
  }
  if (reasons.empty()) {
    reasons.push_back(StrCat("Nothing unusual: the largest weight of any row is ", Times(layer.outlier_ratio),
                             " times the row's root mean square, no more than bell-shaped weights can show; this is "
                             "the rounding of 8 bits."));
  }
  if (layer.zero_rows > 0) {
    reasons.push_back(StrCat(Grouped(layer.zero_rows), " of its ", Grouped(layer.out_features),
                             layer.zero_rows == 1 ? " rows is" : " rows are",
                             " all zeros: kept exactly, and no part of the error."));
  }
  return reasons;
}

}  // namespace w8a16
