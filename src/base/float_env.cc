#include "base/float_env.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace w8a16 {
namespace {

#if defined(__x86_64__)
constexpr uint64_t kDefault = 0x1F80;  // MXCSR: all exceptions masked, nearest even, no FTZ, no DAZ
uint64_t Read() { return _mm_getcsr(); }
void Write(uint64_t value) { _mm_setcsr(static_cast<unsigned>(value)); }
#elif defined(__aarch64__)
constexpr uint64_t kDefault = 0;  // FPCR: nearest even, no flush to zero, NaNs as IEEE 754 has them
uint64_t Read() {
  uint64_t value;
  asm volatile("mrs %0, fpcr" : "=r"(value));
  return value;
}
void Write(uint64_t value) { asm volatile("msr fpcr, %0" : : "r"(value)); }
#else
#error "the floating-point control register of this processor family is not known"
#endif

}  // namespace

DefaultFloatEnv::DefaultFloatEnv() : saved_(Read()) {
  if (saved_ != kDefault) Write(kDefault);
}

DefaultFloatEnv::~DefaultFloatEnv() {
  if (saved_ != kDefault) Write(saved_);
}

}  // namespace w8a16
