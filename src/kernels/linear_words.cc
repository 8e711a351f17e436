#include "kernels/linear_words.h"

#include "base/highway_targets.h"
#include "kernels/dot_kernel.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/linear_words.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#undef W8A16_DOT_BEFORE_NAMESPACE
#define W8A16_DOT_BEFORE_NAMESPACE HWY_BEFORE_NAMESPACE()
#include "kernels/dot-inl.h"
// Vectors of unknown length cannot be held in arrays; SVE machines run the NEON code.
#if !HWY_HAVE_SCALABLE

HWY_BEFORE_NAMESPACE();
namespace w8a16::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using DW = hn::ScalableTag<int16_t>;
using DI = hn::RepartitionToWide<DW>;
using DL = hn::RepartitionToWide<DI>;

// Weights widened to 16 bits.
struct WordOps {
  using Weights = hn::Vec<DW>;
  using Part = hn::Vec<DW>;
  struct Sums {
    // GCC compiles a constructor of its own making for the baseline, not for this target.
    HWY_INLINE Sums() {}  // NOLINT(modernize-use-equals-default)
    HWY_INLINE Sums(hn::Vec<DI> e, hn::Vec<DI> o) : even(e), odd(o) {}
    hn::Vec<DI> even;
    hn::Vec<DI> odd;  // zero where one instruction adds neighbouring products
  };
  static constexpr auto kLanes = static_cast<int64_t>(hn::MaxLanes(DW()));
  // As many sums as registers allow beside the operands; Arm's widening products need two each.
  static constexpr int kOutputs = HWY_TARGET == HWY_AVX3 ? 6 : HWY_TARGET == HWY_NEON ? 4 : 3;
  static constexpr int kParts = 3;
  static constexpr int kStreamOutputs = HWY_TARGET == HWY_AVX3 ? 4 : kOutputs;
  static constexpr int kStreamSums = HWY_TARGET == HWY_AVX3 ? 24 : 12;
  static constexpr int kStreamParts = HWY_TARGET == HWY_AVX3 ? 8 : HWY_TARGET == HWY_NEON ? 3 : 6;
  static constexpr int64_t kPanelBytes = 2;
  static constexpr int64_t kPartBytes = 2;
  // A 32-bit lane takes two products of at most 255 * 32768 a step: 128 steps stay below 2^31.
  static constexpr int64_t kMaxSumK = 128 * kLanes;
  // And a panel stays small.
  static constexpr int64_t kMaxK = HWY_MIN(kMaxSumK, 2048);
  static constexpr bool kUnsignedWeights[] = {false, true};

  template <Source kSource>
  static HWY_INLINE Weights LoadWeights(const uint8_t* p) {
    const DW dw;
    if constexpr (kSource == Source::kPanel) {
      return hn::Load(dw, reinterpret_cast<const int16_t*>(p));
    } else if constexpr (kSource == Source::kSigned) {
      return hn::PromoteTo(dw, hn::LoadU(hn::Rebind<int8_t, DW>(), reinterpret_cast<const int8_t*>(p)));
    } else {
      return hn::PromoteTo(dw, hn::LoadU(hn::Rebind<uint8_t, DW>(), p));
    }
  }
  static constexpr bool kMaskedLoads = HWY_TARGET == HWY_AVX3;
  template <Source kSource>
  static HWY_INLINE Weights LoadSome(const uint8_t* p, int64_t count) {
    const DW dw;
    const hn::Rebind<uint8_t, DW> db;
    const auto bytes = hn::MaskedLoad(hn::FirstN(db, static_cast<size_t>(count)), db, p);
    if constexpr (kSource == Source::kSigned) {
      return hn::PromoteTo(dw, hn::BitCast(hn::Rebind<int8_t, DW>(), bytes));
    } else {
      return hn::PromoteTo(dw, bytes);
    }
  }
  static HWY_INLINE void StoreWeights(Weights weights, std::byte* p) {
    hn::Store(weights, DW(), reinterpret_cast<int16_t*>(p));
  }
  static HWY_INLINE Part LoadPart(const std::byte* p) { return hn::Load(DW(), reinterpret_cast<const int16_t*>(p)); }
  static HWY_INLINE Sums ZeroSums() { return {hn::Zero(DI()), hn::Zero(DI())}; }
  static HWY_INLINE void AddProducts(Sums& sums, Weights weights, Part part) {
    sums.even = hn::ReorderWidenMulAccumulate(DI(), weights, part, sums.even, sums.odd);
  }
  static HWY_INLINE void Pin(Sums& sums) {
#if HWY_ARCH_X86
    asm volatile("" : "+v"(sums.even.raw));
#else
    asm volatile("" : "+w"(sums.even.raw), "+w"(sums.odd.raw));
#endif
  }
  template <size_t kCount>
  static HWY_INLINE void Totals(const Sums (&sums)[kCount], int64_t* totals) {
    const hn::Full128<int64_t> d64;
    HWY_UNROLL(16)
    for (size_t i = 0; i < kCount; i += 2) {
      const auto a = Widened(sums[i]);
      const auto b = i + 1 < kCount ? Widened(sums[i + 1]) : hn::Zero(DL());
      // Transposes blocks of two lanes while it adds them up, then adds the blocks.
      const auto ab = hn::Add(hn::InterleaveLower(DL(), a, b), hn::InterleaveUpper(DL(), a, b));
      hn::StoreU(SumBlocks(DL(), ab), d64, totals + i);
    }
  }

 private:
  static HWY_INLINE hn::Vec<DL> Widened(const Sums& sums) {
    const auto even = Widened(sums.even);
    return HWY_TARGET == HWY_NEON ? hn::Add(even, Widened(sums.odd)) : even;
  }
  static HWY_INLINE hn::Vec<DL> Widened(hn::Vec<DI> v) {
    const hn::Half<DI> dh;
    return hn::Add(hn::PromoteTo(DL(), hn::LowerHalf(dh, v)), hn::PromoteTo(DL(), hn::UpperHalf(dh, v)));
  }
  template <class D>
  static HWY_INLINE hn::Vec<hn::Full128<int64_t>> SumBlocks(D /*d*/, hn::Vec<D> v) {
    if constexpr (hn::MaxLanes(D()) == 2) {
      return v;
    } else {
      const hn::Half<D> dh;
      return SumBlocks(dh, hn::Add(hn::LowerHalf(dh, v), hn::UpperHalf(dh, v)));
    }
  }
};

constexpr Isa kIsa = HWY_TARGET == HWY_AVX3   ? Isa::kAvx512
                     : HWY_TARGET == HWY_AVX2 ? Isa::kAvx2
                     : HWY_TARGET == HWY_SSE4 ? Isa::kSse4
                                              : Isa::kNeon;

}  // namespace

extern const LinearKernel kLinearWords;
const LinearKernel kLinearWords = DotLinear<WordOps, kIsa>::Make();

}  // namespace w8a16::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // !HWY_HAVE_SCALABLE

#if HWY_ONCE
namespace w8a16 {

const LinearKernel* LinearWordsFor(Isa isa) {
  switch (isa) {
#if HWY_TARGETS & HWY_AVX3
    case Isa::kAvx512:
      return &N_AVX3::kLinearWords;
#endif
#if HWY_TARGETS & HWY_AVX2
    case Isa::kAvx2:
      return &N_AVX2::kLinearWords;
#endif
#if HWY_TARGETS & HWY_SSE4
    case Isa::kSse4:
      return &N_SSE4::kLinearWords;
#endif
#if HWY_TARGETS & HWY_NEON
    case Isa::kNeon:
      return &N_NEON::kLinearWords;
#endif
    default:
      return nullptr;
  }
}

}  // namespace w8a16
#endif  // HWY_ONCE
