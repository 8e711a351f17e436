#pragma once

#include <string>
#include <vector>

#include "convert/convert.h"

namespace w8a16 {

/// A finding in a word or two, then in a sentence.
struct SqnrReason {
  std::string title;
  std::string text;
};

/// Why a layer's SQNR is what it is: a row with an outlier, few rows that outweigh all others, heavy tails, rows of
/// zeros, or nothing unusual. Never empty.
std::vector<SqnrReason> SqnrReasons(const ConvertedLayer& layer);

/// About how many times its root mean square the largest of `count` independent Gaussian numbers is: sqrt(2 ln(2
/// count)) bounds its expectation from above (Boucheron, Lugosi, Massart, Concentration Inequalities, theorem 2.5).
double GaussianPeak(double count);

/// The largest weight of a row as a multiple of the row's root mean square that would give this SQNR if all rows were
/// alike: rounding errors are uniform, so the noise is scale² / 12 with scale = peak / 127.
double EvenPeak(double sqnr_db);

}  // namespace w8a16
