// The tables, and which instruction set uses which.

#include "kernels/float_kernels.h"

#include "base/highway_targets.h"
#include "kernels/attention_range.h"
#include "kernels/float_reference.h"

#define HWY_TARGET_INCLUDE "kernels/float_kernels.cc"
#include "hwy/foreach_target.h"
#include "kernels/float_simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace w8a16 {
namespace HWY_NAMESPACE {
namespace {

constexpr FloatKernels kFloatKernels = {Linear,   ToFloat, FromFloat,   RmsNorm, LayerNorm, Rope,
                                        Activate, Add,     ScaleAndCap, Softmax, Attention};

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace w8a16
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace w8a16 {

const FloatKernels& FloatKernelsFor(Isa isa) {
  switch (isa) {
#if HWY_ARCH_X86
    case Isa::kAmx:
    case Isa::kAvx512Vnni:
    case Isa::kAvx512:
      return N_AVX3::kFloatKernels;
    case Isa::kAvxVnni:
    case Isa::kAvx2:
      return N_AVX2::kFloatKernels;
    case Isa::kSse4:
      return N_SSE4::kFloatKernels;
#elif HWY_ARCH_ARM_A64
#if HWY_TARGETS & HWY_SVE
    case Isa::kSve:
      return N_SVE::kFloatKernels;
#endif
    case Isa::kNeonDot:
    case Isa::kNeon:
      return N_NEON::kFloatKernels;
#endif
    default:
      return ReferenceFloatKernels();
  }
}

size_t AttentionScratch(int64_t queries, int64_t keys) {
  return static_cast<size_t>(queries * (AttentionRange::Stride(keys) + 1));
}

}  // namespace w8a16
#endif  // HWY_ONCE
