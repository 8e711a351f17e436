#include "base/float_env.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cfenv>
#include <cmath>

#include "base/parallel.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace w8a16 {
namespace {

#if defined(__x86_64__)
constexpr unsigned kFlushToZeroAndDenormalsAreZero = 0x8040;
unsigned ReadMode() { return _mm_getcsr() & 0xFFC0; }  // without the sticky exception flags
void WriteMode(unsigned mode) { _mm_setcsr(mode); }
unsigned FlushingMode() { return 0x1F80 | kFlushToZeroAndDenormalsAreZero; }
#elif defined(__aarch64__)
uint64_t ReadMode() {
  uint64_t mode;
  asm volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
}
void WriteMode(uint64_t mode) { asm volatile("msr fpcr, %0" : : "r"(mode)); }
uint64_t FlushingMode() { return uint64_t{1} << 24; }
#endif

// Through volatile, so that the processor computes and not the compiler.
float HalfOfTheSmallestNormal() {
  const volatile float smallest = 0x1p-126F;
  return smallest / 2;
}

class FloatEnvTest : public ::testing::Test {
 protected:
  ~FloatEnvTest() override { WriteMode(before_); }

 private:
  decltype(ReadMode()) before_ = ReadMode();
};

TEST_F(FloatEnvTest, KeepsDenormalsInsideAndRestoresTheCallersMode) {
  WriteMode(FlushingMode());
  ASSERT_EQ(HalfOfTheSmallestNormal(), 0) << "the test could not switch flushing on";
  const auto callers = ReadMode();
  {
    const DefaultFloatEnv env;
    EXPECT_EQ(HalfOfTheSmallestNormal(), 0x1p-127F);
    {
      const DefaultFloatEnv nested;
      EXPECT_EQ(HalfOfTheSmallestNormal(), 0x1p-127F);
    }
    EXPECT_EQ(HalfOfTheSmallestNormal(), 0x1p-127F);
  }
  EXPECT_EQ(ReadMode(), callers);
  EXPECT_EQ(HalfOfTheSmallestNormal(), 0);
}

TEST_F(FloatEnvTest, RoundsToNearestInsideAndRestoresTheCallersDirection) {
  ASSERT_EQ(std::fesetround(FE_UPWARD), 0);
  const volatile float one = 1;
  const volatile float tiny = 0x1p-30F;
  {
    const DefaultFloatEnv env;
    EXPECT_EQ(one + tiny, 1);
  }
  EXPECT_EQ(one + tiny, 0x1.000002p0F);
  std::fesetround(FE_TONEAREST);
}

TEST_F(FloatEnvTest, EveryWorkerHasIt) {
  WriteMode(FlushingMode());
  std::atomic<int> flushed{0};
  for (int workers : {1, 3}) {
    Parallel(workers, [&](int, int) { flushed += HalfOfTheSmallestNormal() == 0 ? 1 : 0; });
  }
  EXPECT_EQ(flushed, 0);
  EXPECT_EQ(HalfOfTheSmallestNormal(), 0) << "the caller's mode is back";
}

TEST_F(FloatEnvTest, AnExceptionRestoresItToo) {
  WriteMode(FlushingMode());
  EXPECT_THROW(Parallel(1, [](int, int) { throw 1; }), int);
  EXPECT_EQ(HalfOfTheSmallestNormal(), 0);
}

}  // namespace
}  // namespace w8a16
