#pragma once

#include <cstdint>
#include <string>

namespace w8a16 {

/// "512 B", "1.50 kB", "2.20 GB": decimal units, three digits.
std::string FormatBytes(uint64_t bytes);

/// The inverse, for options: "5GB", "500 MB" (powers of 1000), "2GiB" (powers of 1024), "123456" (bytes); case does not
/// matter. Throws Error for anything else and for what does not fit 63 bits.
uint64_t ParseBytes(const std::string& text);

/// A rate in decimal units: FormatRate(2.5e9, "B/s") is "2.50 GB/s", FormatRate(1234, "tokens/s") is "1.23 ktokens/s".
std::string FormatRate(double per_second, const char* unit);

/// A number of things per second with three or four digits and no prefix: "1234", "56.7", "0.123".
std::string FormatNumber(double value);

/// Seconds in the unit that reads best: "1.2 ms", "3.45 s".
std::string FormatSeconds(double seconds);

/// "12.3%" of `whole`.
std::string FormatPercent(double part, double whole);

}  // namespace w8a16
