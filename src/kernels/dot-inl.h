// The loop of DotKernel for one instruction set and its operations. Included once for each Highway target, after
// W8A16_DOT_BEFORE_NAMESPACE was defined: it turns the instruction set on, as HWY_BEFORE_NAMESPACE does.
#if defined(W8A16_KERNELS_DOT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef W8A16_KERNELS_DOT_INL_H_
#undef W8A16_KERNELS_DOT_INL_H_
#else
#define W8A16_KERNELS_DOT_INL_H_
#endif

#include "hwy/highway.h"
#include "kernels/dot_kernel.h"

W8A16_DOT_BEFORE_NAMESPACE;
namespace w8a16::HWY_NAMESPACE {
namespace {

enum class Source { kSigned, kFlipped, kPanel };

/// A tile of Ops::kOutputs rows of weights and kParts parts of x. Ops has
///   Weights, Part, Sums        vectors of Ops::kLanes weights, as many elements of a part, and their sums of products;
///   LoadWeights<Source>(p), StoreWeights(weights, p), LoadPart(p), ZeroSums(), AddProducts(sums, weights, part);
///   Totals(sums, totals)       adds up the lanes of each of an array of Sums; may write up to a multiple of four
///   totals; kOutputs, kParts           the largest tile; kPanelBytes, kPartBytes    bytes of an element of a panel and
///   of a part.
template <class Ops, Source kSource, int kParts>
class DotTile {
 public:
  static void Run(const DotArgs& args) {
    constexpr int64_t kWeightBytes = kSource == Source::kPanel ? Ops::kPanelBytes : 1;
    Sums sums;
    HWY_UNROLL(32)
    for (auto& sum : sums) sum = Ops::ZeroSums();
    const std::byte* part = args.parts;
    int64_t k = 0;
    // A panel is padded.
    const int64_t whole = kSource == Source::kPanel ? args.k : args.k - Ops::kLanes + 1;
    for (; k < whole; k += Ops::kLanes) {
      Step(args.weights, k * kWeightBytes, part, args.part_stride, sums);
      part += Ops::kLanes * Ops::kPartBytes;
    }
    Pin(sums);
    if (kSource != Source::kPanel && k < args.k) {
      // What lies past a row's last byte may not be readable.
      uint8_t tails[Ops::kOutputs][Ops::kLanes] = {};
      const uint8_t* rows[Ops::kOutputs];
      for (int o = 0; o < Ops::kOutputs; ++o) {
        for (int64_t j = k; j < args.k; ++j) tails[o][j - k] = args.weights[o][j];
        rows[o] = tails[o];
      }
      Step(rows, 0, part, args.part_stride, sums);
      Pin(sums);
    }
    Ops::Totals(sums, args.sums);
  }

 private:
  using Sums = typename Ops::Sums[kParts * Ops::kOutputs];

  // GCC 12 spills sums inside the loop for the sake of what follows it; here all must be in registers.
  static HWY_INLINE void Pin(Sums& sums) {
    HWY_UNROLL(32)
    for (auto& sum : sums) Ops::Pin(sum);
  }

  static HWY_INLINE void Step(const uint8_t* const* weights, int64_t at, const std::byte* part, int64_t part_stride,
                              Sums& sums) {
    typename Ops::Weights w[Ops::kOutputs];
    HWY_UNROLL(8)
    for (int o = 0; o < Ops::kOutputs; ++o) w[o] = Ops::template LoadWeights<kSource>(weights[o] + at);
    HWY_UNROLL(4)
    for (int p = 0; p < kParts; ++p) {
      const auto x = Ops::LoadPart(part + p * part_stride);
      HWY_UNROLL(8)
      for (int o = 0; o < Ops::kOutputs; ++o) Ops::AddProducts(sums[p * Ops::kOutputs + o], w[o], x);
    }
  }
};

template <class Ops, Source kSource>
void MakePanel(const uint8_t* const* weights, int64_t k, std::byte* panel, int64_t panel_stride) {
  for (int o = 0; o < Ops::kOutputs; ++o) {
    std::byte* out = panel + o * panel_stride;
    int64_t i = 0;
    for (; i + Ops::kLanes <= k; i += Ops::kLanes) {
      Ops::StoreWeights(Ops::template LoadWeights<kSource>(weights[o] + i), out + i * Ops::kPanelBytes);
    }
    if (i < k) {
      uint8_t tail[Ops::kLanes] = {};
      for (int64_t j = i; j < k; ++j) tail[j - i] = weights[o][j];
      Ops::StoreWeights(Ops::template LoadWeights<kSource>(tail), out + i * Ops::kPanelBytes);
    }
  }
}

// By number of parts - 1, null beyond the largest tile.
template <class Ops, Source kSource, int... kLess>
constexpr std::array<DotFn, kMaxDotParts> DotFunctions(std::integer_sequence<int, kLess...> /*parts*/) {
  return {DotTile<Ops, kSource, kLess + 1>::Run...};
}
template <class Ops, Source kSource>
constexpr std::array<DotFn, kMaxDotParts> DotFunctions() {
  return DotFunctions<Ops, kSource>(std::make_integer_sequence<int, Ops::kParts>());
}

template <class Ops>
constexpr DotKernel MakeDotKernel() {
  return {Ops::kOutputs,
          Ops::kParts,
          Ops::kPartBytes,
          8 * Ops::kPartBytes,
          Ops::kMaxK,
          Ops::kPanelBytes,
          {Ops::kSignedAsUnsigned, true},
          {DotFunctions<Ops, Source::kSigned>(), DotFunctions<Ops, Source::kFlipped>()},
          DotFunctions<Ops, Source::kPanel>(),
          {MakePanel<Ops, Source::kSigned>, MakePanel<Ops, Source::kFlipped>}};
}

}  // namespace
}  // namespace w8a16::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
