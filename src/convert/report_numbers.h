#pragma once

#include <cstdint>
#include <string>

namespace w8a16 {

/// Numbers as the report writes them.

/// "1,234,567".
std::string Grouped(int64_t number);

/// "41.2 dB"; "exact" where nothing was lost (infinity).
std::string Decibels(double sqnr_db);

/// Three digits that count: "0.0235", "1.20", "2.35×10⁻⁴".
std::string Small(double value);

/// 10⁻³ for -3.
std::string PowerOfTen(int exponent);

/// The error that a signal-to-noise ratio stands for, relative to the weights, both as root mean squares: "0.89 %".
std::string RelativeError(double sqnr_db);

}  // namespace w8a16
