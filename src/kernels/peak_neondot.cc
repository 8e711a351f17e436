// sdot, which Highway 1.0.3 does not have. Two digits of x take two of them for one vector of weights.
#include "kernels/peak_probe.h"

#if defined(__aarch64__)
#include <arm_neon.h>

namespace w8a16 {
namespace {

// Sixteen sums, four vectors times four: four products a cycle with a latency of four.
__attribute__((target("arch=armv8.2-a+dotprod"))) void RunNeonDot(int64_t iterations, const PeakOperands& operands,
                                                                  int32_t* sink) {
  int32x4_t sums[16];
#pragma GCC unroll 16
  for (int32x4_t& sum : sums) sum = vdupq_n_s32(0);
  for (int64_t i = 0; i < iterations; ++i) {
    ForgetMemory();
    int8x16_t a[4];
    int8x16_t b[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      a[j] = vld1q_s8(operands.bytes + 16 * j);
      b[j] = vld1q_s8(operands.bytes + 64 + 16 * j);
    }
#pragma GCC unroll 16
    for (int j = 0; j < 16; ++j) sums[j] = vdotq_s32(sums[j], a[j / 4], b[j % 4]);
  }
  for (int j = 1; j < 16; ++j) sums[0] = vaddq_s32(sums[0], sums[j]);
  vst1q_s32(sink, sums[0]);
}

}  // namespace

PeakProbe NeonDotPeakProbe() { return {RunNeonDot, 16 * 16 / 2.0}; }

}  // namespace w8a16
#endif
