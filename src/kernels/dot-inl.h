// The loop of DotKernel for one instruction set and its operations. Included once for each Highway target, after
// W8A16_DOT_BEFORE_NAMESPACE was defined: it turns the instruction set on, as HWY_BEFORE_NAMESPACE does.
#if defined(W8A16_KERNELS_DOT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef W8A16_KERNELS_DOT_INL_H_
#undef W8A16_KERNELS_DOT_INL_H_
#else
#define W8A16_KERNELS_DOT_INL_H_
#endif

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernels/dot_kernel.h"

W8A16_DOT_BEFORE_NAMESPACE;
namespace w8a16::HWY_NAMESPACE {
namespace {

constexpr int64_t kLine = 64;  // bytes that a cache moves together
// With more parts than kNearParts there is so much arithmetic between fetches that memory would pause: then what comes
// kFar bytes later is fetched too, into the second-level cache (0.95 of memory speed instead of 0.84).
constexpr int kNearParts = 6;
constexpr int64_t kFar = 8192;

enum class Source { kSigned, kFlipped, kPanel };

/// The last, not whole vector of a row of k weights, copied: what lies past the last byte may not be readable.
template <int64_t kLanes>
class RowEnd {
 public:
  /// k % kLanes weights, then anything.
  HWY_INLINE const uint8_t* Copy(const uint8_t* row, int64_t k) {
    const hwy::HWY_NAMESPACE::CappedTag<uint8_t, kLanes> d;
    const int64_t rest = k % kLanes;
    if (k >= kLanes) {
      hwy::HWY_NAMESPACE::StoreU(hwy::HWY_NAMESPACE::LoadU(d, row + k - kLanes), d, bytes_);
    } else {
      for (int64_t i = 0; i < rest; ++i) bytes_[kLanes - rest + i] = row[i];
    }
    return bytes_ + kLanes - rest;
  }

 private:
  uint8_t bytes_[2 * kLanes] = {};
};

/// A tile of kOutputs rows of weights and kParts parts of x. Ops has
///  - Weights, Part, Sums: vectors of kLanes weights, as many elements of a part, and the sums of their products;
///  - LoadWeights<Source>(p), StoreWeights(weights, p), LoadPart(p), ZeroSums(), AddProducts(sums, weights, part);
///  - kMaskedLoads and, where that is true, LoadSome<Source>(p, count): the first count weights, not reading past them;
///  - Totals(sums, totals): adds up the lanes of each of an array of Sums; may write up to a multiple of four totals;
///  - Pin(sums): tells the compiler that sums are in registers here;
///  - kOutputs, kParts: the largest tile; kStreamParts: DotKernel's, with tiles of at most kStreamOutputs rows and
///  kStreamSums sums; kPanelBytes, kPartBytes: bytes of an element of a panel and of a part;
///  - kUnsignedWeights: by Int8Encoding, whether LoadWeights gives q + 128 instead of q;
///  - kMaxSumK, kMaxK: DotKernel's.
/// Meanwhile kAhead rows from args.ahead on are fetched, one after the other: in the order of addresses the processor's
/// own prefetcher helps; row by row side by side it does not (0.8 of memory speed instead of all of it).
template <class Ops, Source kSource, int kAhead, int kOutputs, int kParts>
class DotTile {
 public:
  static void Run(const DotArgs& args) {
    constexpr int64_t kWeightBytes = kSource == Source::kPanel ? Ops::kPanelBytes : 1;
    Sums sums;
    HWY_UNROLL(32)
    for (auto& sum : sums) sum = Ops::ZeroSums();
    const std::byte* part = args.parts;
    int64_t k = 0;
    constexpr int kStretches = kAhead > 1 ? kAhead : 1;
    for (int stretch = 0; stretch < kStretches; ++stretch) {
      const int64_t end = args.k / kLine * (stretch + 1) / kStretches * kLine;
      const uint8_t* ahead = args.ahead + stretch * args.ahead_stride;
      for (; k < end; k += kLine) {
        HWY_UNROLL(8)
        for (int i = 0; i < kAhead; ++i) {
          hwy::Prefetch(ahead + i * kLine);
          if constexpr (kParts > kNearParts) __builtin_prefetch(ahead + i * kLine + kFar, 0, 2);
        }
        ahead += kAhead * kLine;
        HWY_UNROLL(4)
        for (int64_t i = 0; i < kLine; i += Ops::kLanes) {
          Step(args.weights, (k + i) * kWeightBytes, part, args.part_stride, sums);
          part += Ops::kLanes * Ops::kPartBytes;
        }
      }
    }
    // A panel is padded.
    const int64_t whole = kSource == Source::kPanel ? args.k : args.k - Ops::kLanes + 1;
    for (; k < whole; k += Ops::kLanes) {
      Step(args.weights, k * kWeightBytes, part, args.part_stride, sums);
      part += Ops::kLanes * Ops::kPartBytes;
    }
    if (kSource != Source::kPanel && k < args.k) {
      if constexpr (Ops::kMaskedLoads) {
        AddStep([&](int o) HWY_ATTR { return Ops::template LoadSome<kSource>(args.weights[o] + k, args.k - k); }, part,
                args.part_stride, sums);
      } else {
        RowEnd<Ops::kLanes> ends[kOutputs];
        const uint8_t* rows[kOutputs];
        for (int o = 0; o < kOutputs; ++o) rows[o] = ends[o].Copy(args.weights[o], args.k);
        Step(rows, 0, part, args.part_stride, sums);
      }
    }
    AddTotals(sums, args);
  }

 private:
  using Sums = typename Ops::Sums[kParts * kOutputs];

  static HWY_INLINE void AddTotals(const Sums& sums, const DotArgs& args) {
    int64_t totals[(kParts * kOutputs + 3) / 4 * 4];
    Ops::Totals(sums, totals);
    for (int p = 0; p < kParts; ++p) {
      HWY_UNROLL(8)
      for (int o = 0; o < kOutputs; ++o) args.sums[p][o] += totals[p * kOutputs + o] * (int64_t{1} << args.shifts[p]);
    }
  }

  static HWY_INLINE void Step(const uint8_t* const* weights, int64_t at, const std::byte* part, int64_t part_stride,
                              Sums& sums) {
    AddStep([&](int o) HWY_ATTR { return Ops::template LoadWeights<kSource>(weights[o] + at); }, part, part_stride,
            sums);
  }

  template <class Load>
  static HWY_INLINE void AddStep(const Load& load, const std::byte* part, int64_t part_stride, Sums& sums) {
    typename Ops::Weights w[kOutputs];
    HWY_UNROLL(8)
    for (int o = 0; o < kOutputs; ++o) w[o] = load(o);
    HWY_UNROLL(8)
    for (int p = 0; p < kParts; ++p) {
      const auto x = Ops::LoadPart(part + p * part_stride);
      HWY_UNROLL(8)
      for (int o = 0; o < kOutputs; ++o) Ops::AddProducts(sums[p * kOutputs + o], w[o], x);
    }
    // Else GCC 12 mixes steps, or a step with what follows the loop, and sums leave their registers.
    HWY_UNROLL(32)
    for (auto& sum : sums) Ops::Pin(sum);
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
      RowEnd<Ops::kLanes> end;
      Ops::StoreWeights(Ops::template LoadWeights<kSource>(end.Copy(weights[o], k)), out + i * Ops::kPanelBytes);
    }
  }
}

// By number of parts - 1, null beyond the largest tile.
template <class Ops, Source kSource, int kAhead, int... kLess>
constexpr std::array<DotFn, kMaxDotParts> DotFunctions(std::integer_sequence<int, kLess...> /*parts*/) {
  return {DotTile<Ops, kSource, kAhead, Ops::kOutputs, kLess + 1>::Run...};
}
template <class Ops, Source kSource, int kAhead>
constexpr std::array<DotFn, kMaxDotParts> DotFunctions() {
  return DotFunctions<Ops, kSource, kAhead>(std::make_integer_sequence<int, Ops::kParts>());
}

template <class Ops>
constexpr int StreamOutputs(int parts) {
  const int outputs = Ops::kStreamSums / parts < Ops::kStreamOutputs ? Ops::kStreamSums / parts : Ops::kStreamOutputs;
  // DotMultiply writes the sums of whole tiles.
  return kBlockOutputs % outputs == 0 ? outputs : outputs - 1;
}
template <class Ops, int... kLess>
constexpr std::array<int, kMaxDotParts> AllStreamOutputs(std::integer_sequence<int, kLess...> /*parts*/) {
  return {StreamOutputs<Ops>(kLess + 1)...};
}
template <class Ops, Source kSource, int... kLess>
constexpr std::array<DotFn, kMaxDotParts> StreamFunctions(std::integer_sequence<int, kLess...> /*parts*/) {
  return {DotTile<Ops, kSource, StreamOutputs<Ops>(kLess + 1), StreamOutputs<Ops>(kLess + 1), kLess + 1>::Run...};
}

// For two groups and more.
template <class Ops, Source kSource, int... kLess>
constexpr std::array<std::array<DotFn, kMaxDotParts>, kRowGroups - 1> RowFunctions(
    std::integer_sequence<int, kLess...> /*groups*/) {
  return {DotFunctions<Ops, kSource, AheadOf(Ops::kOutputs, kLess + 2)>()...};
}

template <class Ops>
constexpr DotKernel MakeDotKernel() {
  static_assert(kBlockOutputs % Ops::kOutputs == 0 && Ops::kOutputs <= kMaxDotOutputs && Ops::kParts <= kMaxDotParts &&
                Ops::kParts <= Ops::kStreamParts && Ops::kStreamParts <= kMaxDotParts);
  constexpr std::make_integer_sequence<int, kRowGroups - 1> kGroups;
  constexpr std::make_integer_sequence<int, Ops::kStreamParts> kStream;
  return {Ops::kOutputs,
          Ops::kParts,
          Ops::kStreamParts,
          AllStreamOutputs<Ops>(kStream),
          Ops::kPartBytes,
          8 * Ops::kPartBytes,
          Ops::kMaxSumK,
          Ops::kMaxK,
          Ops::kPanelBytes,
          {Ops::kUnsignedWeights[0], Ops::kUnsignedWeights[1]},
          {StreamFunctions<Ops, Source::kSigned>(kStream), StreamFunctions<Ops, Source::kFlipped>(kStream)},
          {RowFunctions<Ops, Source::kSigned>(kGroups), RowFunctions<Ops, Source::kFlipped>(kGroups)},
          {DotFunctions<Ops, Source::kPanel, 0>(), DotFunctions<Ops, Source::kPanel, 1>(),
           DotFunctions<Ops, Source::kPanel, 2>()},
          {MakePanel<Ops, Source::kSigned>, MakePanel<Ops, Source::kFlipped>}};
}

/// The LinearKernel of Ops, on rows packed and finished by the PackKernels of kPackIsa.
template <class Ops, Isa kPackIsa>
class DotLinear {
 public:
  static constexpr LinearKernel Make() {
    return {Declines, {0, 0, kPartsOfThree - 1, kPartsOfThree}, 1, PackedBytes, Pack, 16, Multiply};
  }

 private:
  static constexpr DotKernel kDot = MakeDotKernel<Ops>();
  // Of a row with three digits; the lowest part of 16 bits holds two of them.
  static constexpr int32_t kPartsOfThree = Ops::kPartBytes == 1 ? 3 : 2;

  static const char* Declines(int64_t /*k*/) { return nullptr; }
  static size_t PackedBytes(int64_t m, int64_t k) {
    return static_cast<size_t>(kPartsOfThree * m * PartStride(k, Ops::kPartBytes));
  }
  static void Pack(ConstMatrix x, const RowScale* rows, int64_t m_begin, int64_t m_end, std::byte* packed) {
    const PackKernels& kernels = *PackKernelsFor(kPackIsa);
    (Ops::kPartBytes == 1 ? kernels.pack_digits : kernels.pack_words)(x, rows, m_begin, m_end, packed);
  }
  static void Multiply(const MultiplyArgs& args) { DotMultiply(kDot, *PackKernelsFor(kPackIsa), args); }
};

}  // namespace
}  // namespace w8a16::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
