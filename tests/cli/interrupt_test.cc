#include "cli/interrupt.h"

#include <gtest/gtest.h>

#include <csignal>

namespace w8a16 {
namespace {

TEST(Interrupt, SignalThrowsOnlyWhenAsked) {
  const InterruptGuard guard;
  ThrowIfInterrupted();
  std::raise(SIGTERM);
  try {
    ThrowIfInterrupted();
    FAIL() << "not interrupted";
  } catch (const Interrupted& e) {
    EXPECT_EQ(e.signal(), SIGTERM);
    EXPECT_STREQ(e.what(), "interrupted by signal 15");
  }
}

TEST(Interrupt, ANewGuardForgetsOldSignals) {
  {
    const InterruptGuard guard;
    std::raise(SIGINT);
    EXPECT_THROW(ThrowIfInterrupted(), Interrupted);
  }
  const InterruptGuard guard;
  EXPECT_NO_THROW(ThrowIfInterrupted());
}

TEST(InterruptDeathTest, ASecondSignalEndsTheProcess) {
  EXPECT_EXIT(
      {
        const InterruptGuard guard;
        std::raise(SIGINT);
        std::raise(SIGINT);
      },
      ::testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace w8a16
