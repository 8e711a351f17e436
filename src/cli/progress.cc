#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "cli/format.h"

namespace w8a16 {
namespace {

using Clock = std::chrono::steady_clock;

// "42 s", "3:07", "1:02:03".
std::string TimeLeft(double seconds) {
  const int64_t whole = std::llround(seconds);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace

std::string ProgressText(uint64_t done, uint64_t total, double seconds) {
  std::string text = fmt::format("{} of {}", FormatBytes(done), FormatBytes(total));
  if (seconds < 0.5 || done == 0) return text;
  const double rate = static_cast<double>(done) / seconds;
  const double left = static_cast<double>(total - std::min(done, total)) / rate;
  return fmt::format("{}, {}, {} left", text, FormatRate(rate, "B/s"), TimeLeft(left));
}

ProgressBar::ProgressBar(std::string label, Unit unit)
    : label_(std::move(label)), unit_(unit), terminal_(isatty(STDERR_FILENO) == 1), start_(Clock::now()) {}

ProgressBar::~ProgressBar() {
  if (drawn_) std::fputs("\r\033[K", stderr);
}

void ProgressBar::Update(uint64_t done, uint64_t total) {
  if (!terminal_ || total == 0) return;
  const auto now = Clock::now();
  if (drawn_ && done < total && now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  drawn_ = true;
  const uint64_t width = unit_ == Unit::kBytes ? 20 : 40;
  const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const auto filled = static_cast<size_t>(share * static_cast<double>(width));
  const std::string bar = std::string(filled, '#') + std::string(width - filled, '.');
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const std::string text = unit_ == Unit::kBytes ? "  " + ProgressText(done, total, seconds) : "";
  std::fprintf(stderr, "\r%s [%s] %3.0f%%%s\033[K", label_.c_str(), bar.c_str(), 100 * share, text.c_str());
}

}  // namespace w8a16
