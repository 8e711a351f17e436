// The products of 16-bit lanes that the sse4, avx2, avx512 and neon kernels are made of. Highway compiles this file
// once for each target; WordPeakProbe picks, not Highway's own dispatch.
#include "base/highway_targets.h"
#include "kernels/peak_probe.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/peak_word.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace w8a16::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Four vectors times two: eight sums, enough to hide the products' latency and few enough for sixteen registers.
void RunWordPeak(int64_t iterations, const PeakOperands& operands, int32_t* sink) {
  const hn::CappedTag<int16_t, 32> d16;
  const hn::RepartitionToWide<decltype(d16)> d32;
  const auto* words = reinterpret_cast<const int16_t*>(operands.bytes);
  auto s0 = hn::Zero(d32), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  auto odd = s0;  // where a target adds odd lanes apart
  for (int64_t i = 0; i < iterations; ++i) {
    ForgetMemory();
    const auto a0 = hn::Load(d16, words);
    const auto a1 = hn::Load(d16, words + 32);
    const auto a2 = hn::Load(d16, words + 64);
    const auto a3 = hn::Load(d16, words + 96);
    const auto b0 = hn::Load(d16, words + 128);
    const auto b1 = hn::Load(d16, words + 160);
    s0 = hn::ReorderWidenMulAccumulate(d32, a0, b0, s0, odd);
    s1 = hn::ReorderWidenMulAccumulate(d32, a1, b0, s1, odd);
    s2 = hn::ReorderWidenMulAccumulate(d32, a2, b0, s2, odd);
    s3 = hn::ReorderWidenMulAccumulate(d32, a3, b0, s3, odd);
    s4 = hn::ReorderWidenMulAccumulate(d32, a0, b1, s4, odd);
    s5 = hn::ReorderWidenMulAccumulate(d32, a1, b1, s5, odd);
    s6 = hn::ReorderWidenMulAccumulate(d32, a2, b1, s6, odd);
    s7 = hn::ReorderWidenMulAccumulate(d32, a3, b1, s7, odd);
  }
  const auto sum = hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), hn::Add(hn::Add(s4, s5), hn::Add(s6, s7)));
  hn::StoreU(hn::Add(sum, odd), d32, sink);
}

PeakProbe WordPeak() {
  const hn::CappedTag<int16_t, 32> d16;
  return {RunWordPeak, 8.0 * static_cast<double>(hn::Lanes(d16))};
}

}  // namespace w8a16::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace w8a16 {

PeakProbe WordPeakProbe(Isa isa) {
  switch (isa) {
#if HWY_TARGETS & HWY_SSE4
    case Isa::kSse4:
      return N_SSE4::WordPeak();
#endif
#if HWY_TARGETS & HWY_AVX2
    case Isa::kAvx2:
      return N_AVX2::WordPeak();
#endif
#if HWY_TARGETS & HWY_AVX3
    case Isa::kAvx512:
      return N_AVX3::WordPeak();
#endif
#if HWY_TARGETS & HWY_NEON
    case Isa::kNeon:
      return N_NEON::WordPeak();
#endif
    default:
      return ScalarPeakProbe();
  }
}

}  // namespace w8a16
#endif
