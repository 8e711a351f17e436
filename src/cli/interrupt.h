#pragma once

#include <stdexcept>

namespace w8a16 {

/// Thrown by ThrowIfInterrupted, so that destructors remove what is half done.
class Interrupted : public std::runtime_error {
 public:
  explicit Interrupted(int signal);
  int signal() const { return signal_; }

 private:
  int signal_;
};

/// While it lives, the first SIGINT, SIGTERM or SIGHUP only sets a flag; a second one ends the process at once.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
};

/// The signal that came since the InterruptGuard was made; 0: none.
int PendingSignal();

/// Throws Interrupted where a signal came since the InterruptGuard was made.
void ThrowIfInterrupted();

}  // namespace w8a16
