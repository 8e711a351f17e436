#include "cli/format.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

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
