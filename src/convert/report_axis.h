#pragma once

#include <string>
#include <vector>

namespace w8a16 {

/// Round numbers that enclose a range, evenly spaced.
struct Axis {
  double low = 0;
  double high = 1;
  std::vector<double> ticks;  ///< from low to high
  double step = 1;
  int decimals = 0;  ///< that a tick needs

  /// 0 at `low`, 1 at `high`.
  double Position(double value) const { return (value - low) / (high - low); }
};

/// Steps are 1, 2 or 5 times a power of ten and no smaller than `smallest_step`; about `intervals` of them, never more
/// than twice as many. A range of one value gets room on both sides.
Axis EnclosingAxis(double low, double high, int intervals, double smallest_step);

/// How many things to go on from one labelled one to the next so that `count` of them get at most `labels`: 1, 2, 5,
/// 10, 20, ...
size_t LabelStride(size_t count, size_t labels);

/// "12.50%" of the width of a plot; the argument is in [0, 1].
std::string PercentOf(double fraction);

}  // namespace w8a16
