#pragma once

#include <cstdint>
#include <string>

#include "base/numbers.h"

namespace w8a16 {

/// The inverse of FormatBytes, for options: "5GB", "500 MB" (powers of 1000), "2GiB" (powers of 1024), "123456"
/// (bytes); case does not matter. Throws Error for anything else and for what does not fit 63 bits.
uint64_t ParseBytes(const std::string& text);

/// A number of things per second with three or four digits and no prefix: "1234", "56.7", "0.123".
std::string FormatNumber(double value);

/// "12.3%" of `whole`.
std::string FormatPercent(double part, double whole);

}  // namespace w8a16
