#include "kernels/linear_neondot.h"

#if defined(__aarch64__)

#include <arm_neon.h>

#include "base/highway_targets.h"
#include "hwy/highway.h"
#include "kernels/dot_kernel.h"
// One instruction that Highway 1.0.3 does not have, on top of its NEON target. The architecture is named because GCC
// inlines the intrinsic only into functions of at least that one.
#define W8A16_DOT_BEFORE_NAMESPACE HWY_PUSH_ATTRIBUTES("arch=armv8.2-a+crypto+dotprod") static_assert(true)
#include "kernels/dot-inl.h"

W8A16_DOT_BEFORE_NAMESPACE;
namespace w8a16::HWY_NAMESPACE {
namespace {

// Signed bytes of weights times signed digits of x.
struct SignedByteOps {
  using Weights = int8x16_t;
  using Part = int8x16_t;
  using Sums = int32x4_t;
  static constexpr int64_t kLanes = 16;
  // 24 sums, and 7 operands of the 32 registers.
  static constexpr int kOutputs = 6;
  static constexpr int kParts = 4;
  static constexpr int kStreamOutputs = 4;
  static constexpr int kStreamSums = 24;
  static constexpr int kStreamParts = 8;
  static constexpr int64_t kPanelBytes = 1;
  static constexpr int64_t kPartBytes = 1;
  static constexpr int64_t kMaxSumK = kMaxDigitSumLength;
  // So much of a panel and four parts are 20 KB, which fits the first-level cache of small cores too.
  static constexpr int64_t kMaxK = 2048;
  static constexpr bool kUnsignedWeights[] = {false, false};

  template <Source kSource>
  static HWY_INLINE Weights LoadWeights(const uint8_t* p) {
    const uint8x16_t bytes = vld1q_u8(p);
    return vreinterpretq_s8_u8(kSource == Source::kFlipped ? veorq_u8(bytes, vdupq_n_u8(0x80)) : bytes);
  }
  static constexpr bool kMaskedLoads = false;
  static HWY_INLINE void StoreWeights(Weights weights, std::byte* p) {
    vst1q_s8(reinterpret_cast<int8_t*>(p), weights);
  }
  static HWY_INLINE Part LoadPart(const std::byte* p) { return vld1q_s8(reinterpret_cast<const int8_t*>(p)); }
  static HWY_INLINE Sums ZeroSums() { return vdupq_n_s32(0); }
  static HWY_INLINE void AddProducts(Sums& sums, Weights weights, Part part) { sums = vdotq_s32(sums, weights, part); }
  static HWY_INLINE void Pin(Sums& sums) { asm volatile("" : "+w"(sums)); }
  template <size_t kCount>
  static HWY_INLINE void Totals(const Sums (&sums)[kCount], int64_t* totals) {
    const auto pair = [&](size_t i) HWY_ATTR {
      return vpaddq_s32(i < kCount ? sums[i] : ZeroSums(), i + 1 < kCount ? sums[i + 1] : ZeroSums());
    };
    HWY_UNROLL(8)
    for (size_t i = 0; i < kCount; i += 4) {
      const int32x4_t four = vpaddq_s32(pair(i), pair(i + 2));
      vst1q_s64(totals + i, vmovl_s32(vget_low_s32(four)));
      vst1q_s64(totals + i + 2, vmovl_high_s32(four));
    }
  }
};

constexpr LinearKernel kKernel = DotLinear<SignedByteOps, Isa::kNeon>::Make();

}  // namespace
}  // namespace w8a16::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

namespace w8a16 {
const LinearKernel* LinearNeonDot() { return &HWY_NAMESPACE::kKernel; }
}  // namespace w8a16

#else

namespace w8a16 {
const LinearKernel* LinearNeonDot() { return nullptr; }
}  // namespace w8a16

#endif
