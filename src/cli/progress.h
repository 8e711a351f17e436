#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace w8a16 {

/// A progress bar on standard error, shown only where that is a terminal; it is wiped when the object ends.
class ProgressBar {
 public:
  enum class Unit : uint8_t {
    kNone,   ///< the bar and the share alone
    kBytes,  ///< bytes done and in all, rate and time left, too
  };
  explicit ProgressBar(std::string label, Unit unit = Unit::kNone);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void Update(uint64_t done, uint64_t total);

 private:
  std::string label_;
  Unit unit_;
  bool terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point start_{};
  std::chrono::steady_clock::time_point last_{};
};

/// "1.20 GB of 2.20 GB, 850 MB/s, 1 s left": `seconds` is what `done` took. No rate before half a second is over, when
/// it would be a guess.
std::string ProgressText(uint64_t done, uint64_t total, double seconds);

}  // namespace w8a16
