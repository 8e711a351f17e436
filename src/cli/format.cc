#include "cli/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <map>
#include <system_error>

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

std::string WithThreeDigits(double value) {
  if (std::fabs(value) < 9.995) return fmt::format("{:.2f}", value);
  if (std::fabs(value) < 99.95) return fmt::format("{:.1f}", value);
  return fmt::format("{:.0f}", value);
}

std::string WithPrefix(double value, const char* unit) {
  static constexpr std::array<const char*, 6> kPrefixes = {"", "k", "M", "G", "T", "P"};
  size_t prefix = 0;
  while (std::fabs(value) >= 999.5 && prefix + 1 < kPrefixes.size()) {
    value /= 1000;
    ++prefix;
  }
  return fmt::format("{} {}{}", WithThreeDigits(value), kPrefixes[prefix], unit);
}

}  // namespace

std::string FormatBytes(uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  return WithPrefix(static_cast<double>(bytes), "B");
}

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

std::string FormatRate(double per_second, const char* unit) { return WithPrefix(per_second, unit); }

std::string FormatNumber(double value) {
  if (std::fabs(value) < 1) return fmt::format("{:.3g}", value);
  return WithThreeDigits(value);
}

std::string FormatSeconds(double seconds) {
  if (seconds < 1e-3) return fmt::format("{} us", WithThreeDigits(seconds * 1e6));
  if (seconds < 1) return fmt::format("{} ms", WithThreeDigits(seconds * 1e3));
  return fmt::format("{} s", WithThreeDigits(seconds));
}

std::string FormatPercent(double part, double whole) { return fmt::format("{:.1f}%", 100 * part / whole); }

}  // namespace w8a16
