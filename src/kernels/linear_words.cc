#include "kernels/linear_words.h"

#include "kernels/dot_kernel.h"
#include "kernels/highway_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/linear_words.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// Vectors of unknown length cannot be held in arrays; SVE machines run the NEON code.
#if !HWY_HAVE_SCALABLE

HWY_BEFORE_NAMESPACE();
namespace w8a16::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using DW = hn::ScalableTag<int16_t>;
using DI = hn::RepartitionToWide<DW>;
using DL = hn::RepartitionToWide<DI>;
constexpr auto kLanes = static_cast<int64_t>(hn::MaxLanes(DW()));

// As many accumulators as registers allow beside the operands; Arm's widening products need two each.
constexpr int kOutputs = HWY_TARGET == HWY_AVX3 ? 6 : 3;
// A 32-bit lane takes two products of at most 255 * 32768 a step: 128 steps stay below 2^31.
constexpr int64_t kMaxSteps = 128;

enum class Source { kSigned, kFlipped, kPanel };

template <Source kSource>
HWY_INLINE hn::Vec<DW> LoadWeights(const uint8_t* row, int64_t k) {
  const DW dw;
  if constexpr (kSource == Source::kPanel) {
    return hn::Load(dw, reinterpret_cast<const int16_t*>(row) + k);
  } else if constexpr (kSource == Source::kSigned) {
    return hn::PromoteTo(dw, hn::LoadU(hn::Rebind<int8_t, DW>(), reinterpret_cast<const int8_t*>(row) + k));
  } else {
    return hn::PromoteTo(dw, hn::LoadU(hn::Rebind<uint8_t, DW>(), row + k));
  }
}

HWY_INLINE int64_t SumOfLanes(hn::Vec<DI> v) {
  const hn::Half<DI> dh;
  const DL dl;
  const auto wide = hn::Add(hn::PromoteTo(dl, hn::LowerHalf(dh, v)), hn::PromoteTo(dl, hn::UpperHalf(dh, v)));
  return hn::GetLane(hn::SumOfLanes(dl, wide));
}

template <Source kSource, int kParts>
void Dot(const DotArgs& args) {
  const DW dw;
  const DI di;
  hn::Vec<DI> even[kParts][kOutputs];
  hn::Vec<DI> odd[kParts][kOutputs];
  HWY_UNROLL(4)
  for (int p = 0; p < kParts; ++p) {
    HWY_UNROLL(8)
    for (int o = 0; o < kOutputs; ++o) even[p][o] = odd[p][o] = hn::Zero(di);
  }
  const auto step = [&](const uint8_t* const* weights, int64_t weight_k, int64_t k) HWY_ATTR {
    hn::Vec<DW> w[kOutputs];
    HWY_UNROLL(8)
    for (int o = 0; o < kOutputs; ++o) w[o] = LoadWeights<kSource>(weights[o], weight_k);
    HWY_UNROLL(4)
    for (int p = 0; p < kParts; ++p) {
      const auto x = hn::Load(dw, reinterpret_cast<const int16_t*>(args.parts + p * args.part_stride) + k);
      HWY_UNROLL(8)
      for (int o = 0; o < kOutputs; ++o) {
        even[p][o] = hn::ReorderWidenMulAccumulate(di, w[o], x, even[p][o], odd[p][o]);
      }
    }
  };
  int64_t k = 0;
  for (; k + kLanes <= args.k; k += kLanes) step(args.weights, k, k);
  if (k < args.k) {
    if constexpr (kSource == Source::kPanel) {
      step(args.weights, k, k);
    } else {
      // What lies past a row's last byte may not be readable.
      uint8_t tails[kOutputs][kLanes] = {};
      const uint8_t* rows[kOutputs];
      for (int o = 0; o < kOutputs; ++o) {
        for (int64_t j = k; j < args.k; ++j) tails[o][j - k] = args.weights[o][j];
        rows[o] = tails[o];
      }
      step(rows, 0, k);
    }
  }
  HWY_UNROLL(4)
  for (int p = 0; p < kParts; ++p) {
    HWY_UNROLL(8)
    for (int o = 0; o < kOutputs; ++o) {
      int64_t sum = SumOfLanes(even[p][o]);
      // Where one instruction adds neighbouring products, the second sums stay zero.
      if constexpr (HWY_TARGET == HWY_NEON) sum += SumOfLanes(odd[p][o]);
      args.sums[p * kOutputs + o] = sum;
    }
  }
}

template <Source kSource>
void MakePanel(const uint8_t* const* weights, int64_t k, std::byte* panel, int64_t panel_stride) {
  const DW dw;
  for (int o = 0; o < kOutputs; ++o) {
    auto* out = reinterpret_cast<int16_t*>(panel + o * panel_stride);
    int64_t i = 0;
    for (; i + kLanes <= k; i += kLanes) hn::Store(LoadWeights<kSource>(weights[o], i), dw, out + i);
    if (i < k) {
      uint8_t tail[kLanes] = {};
      for (int64_t j = i; j < k; ++j) tail[j - i] = weights[o][j];
      hn::Store(LoadWeights<kSource>(tail, 0), dw, out + i);
    }
  }
}

constexpr DotKernel kDot = {
    kOutputs,
    sizeof(int16_t),
    16,
    HWY_MIN(kMaxSteps* kLanes, 2048),
    sizeof(int16_t),
    {false, true},
    {{Dot<Source::kSigned, 1>, Dot<Source::kSigned, 2>, Dot<Source::kSigned, 3>, Dot<Source::kSigned, 4>},
     {Dot<Source::kFlipped, 1>, Dot<Source::kFlipped, 2>, Dot<Source::kFlipped, 3>, Dot<Source::kFlipped, 4>}},
    {Dot<Source::kPanel, 1>, Dot<Source::kPanel, 2>, Dot<Source::kPanel, 3>, Dot<Source::kPanel, 4>},
    {MakePanel<Source::kSigned>, MakePanel<Source::kFlipped>},
};

constexpr Isa kIsa = HWY_TARGET == HWY_AVX3   ? Isa::kAvx512
                     : HWY_TARGET == HWY_AVX2 ? Isa::kAvx2
                     : HWY_TARGET == HWY_SSE4 ? Isa::kSse4
                                              : Isa::kNeon;

const char* Declines(int64_t /*k*/) { return nullptr; }
size_t PackedBytes(int64_t m, int64_t k) { return static_cast<size_t>(2 * m * PartStride(k, sizeof(int16_t))); }
void Pack(ConstMatrix x, const RowScale* rows, int64_t m_begin, int64_t m_end, std::byte* packed) {
  PackKernelsFor(kIsa)->pack_words(x, rows, m_begin, m_end, packed);
}
void Multiply(const MultiplyArgs& args) { DotMultiply(kDot, *PackKernelsFor(kIsa), args); }

}  // namespace

extern const LinearKernel kLinearWords;
const LinearKernel kLinearWords = {Declines, {0, 0, 1, 2}, 1, PackedBytes, Pack, 16, Multiply};

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
