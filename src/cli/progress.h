#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace w8a16 {

/// A progress bar on standard error, shown only where that is a terminal; it is wiped when the object ends.
class ProgressBar {
 public:
  explicit ProgressBar(std::string label);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void Update(uint64_t done, uint64_t total);

 private:
  std::string label_;
  bool terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace w8a16
