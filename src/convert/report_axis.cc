#include "convert/report_axis.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/numbers.h"

namespace w8a16 {

Axis EnclosingAxis(double low, double high, int intervals, double smallest_step) {
  if (high - low < smallest_step) {
    low -= smallest_step / 2;
    high += smallest_step / 2;
  }
  const double wanted = std::max((high - low) / intervals, smallest_step);
  const double power = std::pow(10.0, std::floor(std::log10(wanted) + 1e-9));
  Axis axis;
  axis.step = 10 * power;
  for (const double factor : {5.0, 2.0, 1.0}) {
    if (factor * power >= wanted * (1 - 1e-9)) axis.step = factor * power;
  }
  // Steps are counted, so that ticks do not drift.
  const double first = std::floor(low / axis.step + 1e-9);
  const double last = std::max(first + 1, std::ceil(high / axis.step - 1e-9));
  for (double i = first; i <= last; ++i) axis.ticks.push_back(i * axis.step);
  axis.low = axis.ticks.front();
  axis.high = axis.ticks.back();
  axis.decimals = std::max(0, -static_cast<int>(std::floor(std::log10(axis.step) + 1e-9)));
  return axis;
}

size_t LabelStride(size_t count, size_t labels) {
  size_t power = 1;
  while (true) {
    for (const size_t factor : std::array<size_t, 3>{1, 2, 5}) {
      const size_t stride = factor * power;
      if ((count + stride - 1) / stride <= labels) return stride;
    }
    power *= 10;
  }
}

std::string PercentOf(double fraction) { return FormatFixed(100 * fraction, 2) + "%"; }

}  // namespace w8a16
