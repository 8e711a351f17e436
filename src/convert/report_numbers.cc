#include "convert/report_numbers.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/numbers.h"
#include "base/strings.h"

namespace w8a16 {
std::string Grouped(int64_t number) {
  std::string digits = std::to_string(number);
  const size_t sign = number < 0 ? 1 : 0;
  for (size_t at = digits.size(); at > sign + 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string Decibels(double sqnr_db) {
  if (std::isinf(sqnr_db)) return "exact";
  return FormatFixed(sqnr_db, 1) + " dB";
}

std::string Small(double value) {
  if (value == 0 || !std::isfinite(value)) return FormatFixed(value, 0);
  // Rounded first: 9.999e-5 is 1.00e-4.
  std::array<char, 32> text{};
  std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific, 2);
  const std::string rounded = text.data();
  const size_t e = rounded.find('e');
  const int exponent = std::stoi(rounded.substr(e + 1));
  if (exponent < -2 || exponent > 5) return StrCat(rounded.substr(0, e), "×", PowerOfTen(exponent));
  return FormatFixed(value, exponent >= 2 ? 0 : 2 - exponent);
}

std::string PowerOfTen(int exponent) {
  static constexpr std::array<const char*, 10> kSuperscripts = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text = exponent < 0 ? "10⁻" : "10";
  for (const char digit : std::to_string(std::abs(exponent))) text += kSuperscripts[static_cast<size_t>(digit - '0')];
  return text;
}

std::string RelativeError(double sqnr_db) {
  if (std::isinf(sqnr_db)) return "0 %";
  const double percent = 100 * std::pow(10.0, -sqnr_db / 20);
  const int exponent = static_cast<int>(std::floor(std::log10(percent)));
  return FormatFixed(percent, exponent >= 1 ? 0 : 1 - exponent) + " %";
}

}  // namespace w8a16
