#include "kernels/linear_vnni.h"

#include "base/highway_targets.h"
#include "kernels/dot_kernel.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/linear_vnni.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#undef W8A16_DOT_BEFORE_NAMESPACE
#if HWY_TARGET == HWY_AVX3
#define W8A16_DOT_BEFORE_NAMESPACE HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni") static_assert(true)
#elif HWY_TARGET == HWY_AVX2
#define W8A16_DOT_BEFORE_NAMESPACE HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avxvnni") static_assert(true)
#else
#define W8A16_DOT_BEFORE_NAMESPACE HWY_BEFORE_NAMESPACE()
#endif
#include "kernels/dot-inl.h"
// One instruction that Highway 1.0.3 does not have, on top of its AVX3 and AVX2 targets.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2

W8A16_DOT_BEFORE_NAMESPACE;
namespace w8a16::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using DB = hn::ScalableTag<uint8_t>;
using DI = hn::RepartitionToWide<hn::RepartitionToWide<hn::RebindToSigned<DB>>>;

// Unsigned bytes of weights (q + 128) times signed digits of x.
struct ByteOps {
  using Weights = hn::Vec<DB>;
  using Part = hn::Vec<DB>;
  using Sums = hn::Vec<DI>;
  static constexpr auto kLanes = static_cast<int64_t>(hn::MaxLanes(DB()));
  static constexpr int kOutputs = HWY_TARGET == HWY_AVX3 ? 6 : 3;
  static constexpr int kParts = HWY_TARGET == HWY_AVX3 ? 4 : 3;
  static constexpr int kStreamOutputs = HWY_TARGET == HWY_AVX3 ? 4 : 3;
  static constexpr int kStreamSums = HWY_TARGET == HWY_AVX3 ? 24 : 12;
  static constexpr int kStreamParts = HWY_TARGET == HWY_AVX3 ? 8 : 6;
  static constexpr int64_t kPanelBytes = 1;
  static constexpr int64_t kPartBytes = 1;
  static constexpr int64_t kMaxSumK = kMaxDigitSumLength;
  // So much of a panel and four parts fit the first-level cache.
  static constexpr int64_t kMaxK = 4096;
  static constexpr bool kUnsignedWeights[] = {true, true};

  template <Source kSource>
  static HWY_INLINE Weights LoadWeights(const uint8_t* p) {
    const DB db;
    const Weights bytes = hn::LoadU(db, p);
    return kSource == Source::kSigned ? hn::Xor(bytes, hn::Set(db, 0x80)) : bytes;
  }
  static constexpr bool kMaskedLoads = HWY_TARGET == HWY_AVX3;
  template <Source kSource>
  static HWY_INLINE Weights LoadSome(const uint8_t* p, int64_t count) {
    const DB db;
    const Weights bytes = hn::MaskedLoad(hn::FirstN(db, static_cast<size_t>(count)), db, p);
    return kSource == Source::kSigned ? hn::Xor(bytes, hn::Set(db, 0x80)) : bytes;
  }
  static HWY_INLINE void StoreWeights(Weights weights, std::byte* p) {
    hn::Store(weights, DB(), reinterpret_cast<uint8_t*>(p));
  }
  static HWY_INLINE Part LoadPart(const std::byte* p) { return hn::Load(DB(), reinterpret_cast<const uint8_t*>(p)); }
  static HWY_INLINE Sums ZeroSums() { return hn::Zero(DI()); }
  static HWY_INLINE void AddProducts(Sums& sums, Weights weights, Part part) {
#if HWY_TARGET == HWY_AVX3
    sums.raw = _mm512_dpbusd_epi32(sums.raw, weights.raw, part.raw);
#else
    sums.raw = _mm256_dpbusd_avx_epi32(sums.raw, weights.raw, part.raw);
#endif
  }
  static HWY_INLINE void Pin(Sums& sums) { asm volatile("" : "+v"(sums.raw)); }
  template <size_t kCount>
  static HWY_INLINE void Totals(const Sums (&sums)[kCount], int64_t* totals) {
    HWY_UNROLL(8)
    for (size_t i = 0; i < kCount; i += 4) {
      const auto four = SumFour(At(sums, i), At(sums, i + 1), At(sums, i + 2), At(sums, i + 3));
      const hn::Full256<int64_t> d64;
      hn::StoreU(hn::PromoteTo(d64, four), d64, totals + i);
    }
  }

 private:
  template <size_t kCount>
  static HWY_INLINE Sums At(const Sums (&sums)[kCount], size_t i) {
    return i < kCount ? sums[i] : ZeroSums();
  }
  // Transposes blocks of four lanes while it adds them up, then adds the blocks.
  static HWY_INLINE hn::Vec<hn::Full128<int32_t>> SumFour(Sums a, Sums b, Sums c, Sums d) {
    const DI di;
    const hn::Repartition<int64_t, DI> dl;
    const auto ab = hn::BitCast(dl, hn::Add(hn::InterleaveLower(di, a, b), hn::InterleaveUpper(di, a, b)));
    const auto cd = hn::BitCast(dl, hn::Add(hn::InterleaveLower(di, c, d), hn::InterleaveUpper(di, c, d)));
    return SumBlocks(di, hn::Add(hn::BitCast(di, hn::InterleaveLower(dl, ab, cd)),
                                 hn::BitCast(di, hn::InterleaveUpper(dl, ab, cd))));
  }
  template <class D>
  static HWY_INLINE hn::Vec<hn::Full128<int32_t>> SumBlocks(D d, hn::Vec<D> v) {
    if constexpr (hn::MaxLanes(D()) == 4) {
      return v;
    } else {
      const hn::Half<D> dh;
      return SumBlocks(dh, hn::Add(hn::LowerHalf(dh, v), hn::UpperHalf(dh, v)));
    }
  }
};

constexpr Isa kPackIsa = HWY_TARGET == HWY_AVX3 ? Isa::kAvx512 : Isa::kAvx2;

}  // namespace

extern const LinearKernel kLinearVnni;
const LinearKernel kLinearVnni = DotLinear<ByteOps, kPackIsa>::Make();

}  // namespace w8a16::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // AVX3 or AVX2

#if HWY_ONCE
namespace w8a16 {

const LinearKernel* LinearVnniFor(Isa isa) {
  switch (isa) {
#if HWY_TARGETS & HWY_AVX3
    case Isa::kAvx512Vnni:
      return &N_AVX3::kLinearVnni;
#endif
#if HWY_TARGETS & HWY_AVX2
    case Isa::kAvxVnni:
      return &N_AVX2::kLinearVnni;
#endif
    default:
      return nullptr;
  }
}

}  // namespace w8a16
#endif  // HWY_ONCE
