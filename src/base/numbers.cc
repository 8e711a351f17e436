#include "base/numbers.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/strings.h"

namespace w8a16 {
namespace {

std::string WithPrefix(double value, const char* unit) {
  static constexpr std::array<const char*, 6> kPrefixes = {"", "k", "M", "G", "T", "P"};
  size_t prefix = 0;
  while (std::fabs(value) >= 999.5 && prefix + 1 < kPrefixes.size()) {
    value /= 1000;
    ++prefix;
  }
  return StrCat(FormatThreeDigits(value), " ", kPrefixes[prefix], unit);
}

}  // namespace

std::string FormatFixed(double value, int decimals) {
  // The largest double has 309 digits before its point.
  std::array<char, 512> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, decimals);
  return {text.data(), end.ptr};
}

std::string FormatThreeDigits(double value) {
  if (std::fabs(value) < 9.995) return FormatFixed(value, 2);
  if (std::fabs(value) < 99.95) return FormatFixed(value, 1);
  return FormatFixed(value, 0);
}

std::string FormatBytes(uint64_t bytes) {
  if (bytes < 1000) return StrCat(bytes, " B");
  return WithPrefix(static_cast<double>(bytes), "B");
}

std::string FormatRate(double per_second, const char* unit) { return WithPrefix(per_second, unit); }

std::string FormatSeconds(double seconds) {
  if (seconds < 1e-3) return FormatThreeDigits(seconds * 1e6) + " us";
  if (seconds < 1) return FormatThreeDigits(seconds * 1e3) + " ms";
  if (seconds < 120) return FormatThreeDigits(seconds) + " s";
  const auto whole = static_cast<uint64_t>(std::llround(seconds));
  if (whole < 7200) return StrCat(whole / 60, " min ", whole % 60, " s");
  return StrCat(whole / 3600, " h ", whole / 60 % 60, " min");
}

}  // namespace w8a16
