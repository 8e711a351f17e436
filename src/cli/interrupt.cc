#include "cli/interrupt.h"

#include <array>
#include <csignal>
#include <string>

namespace w8a16 {
namespace {

constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};
volatile std::sig_atomic_t g_signal = 0;

void SetHandlers(void (*handler)(int), int flags) {
  for (int signal : kSignals) {
    struct sigaction action = {};
    action.sa_handler = handler;
    action.sa_flags = flags;
    sigaction(signal, &action, nullptr);
  }
}

}  // namespace

Interrupted::Interrupted(int signal)
    : std::runtime_error("interrupted by signal " + std::to_string(signal)), signal_(signal) {}

InterruptGuard::InterruptGuard() {
  g_signal = 0;
  SetHandlers([](int signal) { g_signal = signal; }, SA_RESETHAND | SA_RESTART);
}

InterruptGuard::~InterruptGuard() { SetHandlers(SIG_DFL, 0); }

int PendingSignal() { return g_signal; }

void ThrowIfInterrupted() {
  if (PendingSignal() != 0) throw Interrupted(PendingSignal());
}

}  // namespace w8a16
