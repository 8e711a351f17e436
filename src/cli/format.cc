#include "cli/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <map>
#include <system_error>

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {

uint64_t ParseBytes(const std::string& text) {
  const auto fail = [&text] {
    throw Error(StrCat("\"", text, "\" is not a size; write it as 5GB, 500MB, 2GiB or as a number of bytes"));
  };
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !(number >= 0)) fail();
  std::string unit(static_cast<const char*>(end), text.data() + text.size());
  unit.erase(0, unit.find_first_not_of(' '));
  std::transform(unit.begin(), unit.end(), unit.begin(), [](unsigned char c) { return std::toupper(c); });
  static const std::map<std::string, double> kUnits = {
      {"", 1},      {"B", 1},        {"KB", 1e3},     {"MB", 1e6},     {"GB", 1e9},
      {"TB", 1e12}, {"KIB", 0x1p10}, {"MIB", 0x1p20}, {"GIB", 0x1p30}, {"TIB", 0x1p40}};
  const auto factor = kUnits.find(unit);
  if (factor == kUnits.end() || number * factor->second >= 0x1p63) fail();
  return static_cast<uint64_t>(number * factor->second);
}

std::string FormatNumber(double value) {
  if (std::fabs(value) < 1) return fmt::format("{:.3g}", value);
  return FormatThreeDigits(value);
}

std::string FormatPercent(double part, double whole) { return fmt::format("{:.1f}%", 100 * part / whole); }

}  // namespace w8a16
