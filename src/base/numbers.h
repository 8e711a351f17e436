#pragma once

#include <cstdint>
#include <string>

namespace w8a16 {

/// Numbers for people, whatever the locale.

/// "12.30" with two decimals.
std::string FormatFixed(double value, int decimals);

/// Three digits that count: "1.23", "12.3", "123".
std::string FormatThreeDigits(double value);

/// "512 B", "1.50 kB", "2.20 GB": decimal units, three digits.
std::string FormatBytes(uint64_t bytes);

/// A rate in decimal units: FormatRate(2.5e9, "B/s") is "2.50 GB/s", FormatRate(1234, "tokens/s") is "1.23 ktokens/s".
std::string FormatRate(double per_second, const char* unit);

/// Seconds in the unit that reads best: "1.20 ms", "3.45 s", "12 min 34 s", "3 h 25 min".
std::string FormatSeconds(double seconds);

}  // namespace w8a16
