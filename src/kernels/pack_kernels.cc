#include "kernels/pack_kernels.h"

#include <cmath>
#include <cstring>

#include "base/highway_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pack_kernels.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/float_simd-inl.h"
// Vectors of unknown length cannot be held in arrays; SVE machines run the NEON code.
#if !HWY_HAVE_SCALABLE

HWY_BEFORE_NAMESPACE();
namespace w8a16::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

constexpr float kTiny = 0x1p-100F;

// ------------------------------------------------------------------------------------------------ measuring

// The largest magnitude of n elements, as bits. For numbers without sign the order of the bits is the order of the
// numbers, infinity and NaN last.
template <class T>
T LargestMagnitude(const T* x, int64_t n) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto mask = hn::Set(d, static_cast<T>(hwy::LimitsMax<T>()));
  auto largest0 = hn::Zero(d);
  auto largest1 = hn::Zero(d);
  int64_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    largest0 = hn::Max(largest0, hn::And(mask, hn::LoadU(d, x + i)));
    largest1 = hn::Max(largest1, hn::And(mask, hn::LoadU(d, x + i + lanes)));
  }
  T largest = hn::GetLane(hn::MaxOfLanes(d, hn::Max(largest0, largest1)));
  for (; i < n; ++i) largest = HWY_MAX(largest, static_cast<T>(x[i] & hwy::LimitsMax<T>()));
  return largest;
}

// Of n elements, as bits: how many are not zero, and how many of these have a magnitude below `below`.
struct Counts {
  int64_t nonzero = 0;
  int64_t small = 0;
};
template <class T>
Counts CountSmall(const T* x, int64_t n, T below) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto mask = hn::Set(d, hwy::LimitsMax<T>());
  const auto limit = hn::Set(d, below);
  const auto zero = hn::Zero(d);
  Counts counts;
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto magnitude = hn::And(mask, hn::LoadU(d, x + i));
    const auto nonzero = hn::Gt(magnitude, zero);
    counts.nonzero += static_cast<int64_t>(hn::CountTrue(d, nonzero));
    counts.small += static_cast<int64_t>(hn::CountTrue(d, hn::And(nonzero, hn::Lt(magnitude, limit))));
  }
  for (; i < n; ++i) {
    const auto magnitude = static_cast<T>(x[i] & hwy::LimitsMax<T>());
    counts.nonzero += magnitude != 0 ? 1 : 0;
    counts.small += magnitude != 0 && magnitude < below ? 1 : 0;
  }
  return counts;
}

// What the bits of a dtype mean.
struct Bits {
  int mantissa;
  double spacing;  // of the subnormal numbers
};
Bits BitsOf(DType dtype) {
  if (dtype == DType::kF32) return {23, 0x1p-149};
  return dtype == DType::kBF16 ? Bits{7, 0x1p-133} : Bits{10, 0x1p-24};
}

// The smallest bits, without sign, of a number that is not below a / 256, where a has bits `largest`.
template <class T>
T SmallBelow(T largest, DType dtype) {
  const Bits bits = BitsOf(dtype);
  const int exponent = largest >> bits.mantissa;
  if (exponent > 8) return static_cast<T>(largest - (T{8} << bits.mantissa));
  // a / 256 is not a normal number: below that, numbers are as far apart as their bits.
  const double a = static_cast<double>(LoadFloat(&largest, dtype, 0));
  return static_cast<T>(std::ceil(a / 256 / bits.spacing));
}

template <class T>
RowScale MeasureRow(const T* x, DType dtype, int64_t k, int32_t digits) {
  const T largest = LargestMagnitude(x, k);
  const T infinity = dtype == DType::kF16 ? T{0x7C00} : static_cast<T>(T{0xFF} << BitsOf(dtype).mantissa);
  if (largest >= infinity) return NonFiniteRowScale();
  if (digits == 2) {
    const Counts counts = CountSmall(x, k, SmallBelow(largest, dtype));
    if (4 * counts.small > 3 * counts.nonzero) digits = 3;
  }
  return MakeRowScale(LoadFloat(&largest, dtype, 0), digits);
}

RowScale Measure(const void* x, DType dtype, int64_t k, int32_t digits) {
  if (dtype == DType::kF32) return MeasureRow(static_cast<const int32_t*>(x), dtype, k, digits);
  return MeasureRow(static_cast<const int16_t*>(x), dtype, k, digits);
}

void MeasureRows(ConstMatrix x, int32_t digits, int64_t m_begin, int64_t m_end, RowScale* rows) {
  for (int64_t m = m_begin; m < m_end; ++m) rows[m] = Measure(x.Row(m), x.dtype, x.cols, digits);
}

// -------------------------------------------------------------------------------------------------- packing

using DF = hn::ScalableTag<float>;
using DI = hn::RebindToSigned<DF>;
using VI = hn::Vec<DI>;

// Writes one vector of xi to the parts of a row.
struct WordParts {
  static constexpr int64_t kElementBytes = 2;
  static void Store(VI xi, int32_t digits, std::byte* part, int64_t part_stride) {
    const DI di;
    const hn::Rebind<int16_t, DI> dw;
    const VI low = hn::ShiftRight<16>(hn::ShiftLeft<16>(xi));
    hn::StoreU(hn::DemoteTo(dw, low), dw, reinterpret_cast<int16_t*>(part));
    if (digits == 3) {
      const VI high = hn::ShiftRight<16>(hn::Add(xi, hn::Set(di, 0x8000)));
      hn::StoreU(hn::DemoteTo(dw, high), dw, reinterpret_cast<int16_t*>(part + part_stride));
    }
  }
  static int32_t Parts(int32_t digits) { return digits - 1; }
};

struct DigitParts {
  static constexpr int64_t kElementBytes = 1;
  static void Store(VI xi, int32_t digits, std::byte* part, int64_t part_stride) {
    const DI di;
    const hn::Rebind<int8_t, DI> db;
    for (int32_t digit = 0; digit < digits; ++digit) {
      const VI low = hn::ShiftRight<24>(hn::ShiftLeft<24>(xi));
      hn::StoreU(hn::DemoteTo(db, low), db, reinterpret_cast<int8_t*>(part + digit * part_stride));
      xi = hn::ShiftRight<8>(hn::Add(xi, hn::Set(di, 0x80)));
    }
  }
  static int32_t Parts(int32_t digits) { return digits; }
};

int64_t SumOfLanes(VI v) {
  const hn::Half<DI> dh;
  const hn::RepartitionToWide<DI> dl;
  const auto wide = hn::Add(hn::PromoteTo(dl, hn::LowerHalf(dh, v)), hn::PromoteTo(dl, hn::UpperHalf(dh, v)));
  return hn::GetLane(hn::SumOfLanes(dl, wide));
}

template <class Parts, class T>
void PackRow(const T* x, int64_t k, const RowScale& row, std::byte* packed) {
  const DF df;
  const DI di;
  const auto lanes = static_cast<int64_t>(hn::Lanes(df));
  const int64_t stride = PartStride(k, Parts::kElementBytes);
  std::byte* out = packed + row.first_part * stride;
  const auto pre_scale = hn::Set(df, row.pre_scale);
  const auto multiplier = hn::Set(df, row.multiplier);
  const auto limit = static_cast<int32_t>(row.limit);
  const VI high = hn::Set(di, limit);
  const VI low = hn::Set(di, -limit);
  const auto pack = [&](hn::Vec<DF> v, int64_t at) HWY_ATTR {
    const VI rounded = hn::NearestInt(hn::Mul(hn::Mul(v, pre_scale), multiplier));
    const VI xi = hn::Min(hn::Max(rounded, low), high);
    Parts::Store(xi, row.digits, out + kPartHeader + at * Parts::kElementBytes, stride);
    return xi;
  };

  int64_t sum = 0;
  int64_t i = 0;
  // |xi| < 2^23: so many fit one 32-bit lane.
  constexpr int64_t kSumsInLane = 128;
  while (i + lanes <= k) {
    const int64_t stop = HWY_MIN(k - lanes, i + (kSumsInLane - 1) * lanes);
    VI lane_sums = hn::Zero(di);
    for (; i <= stop; i += lanes) lane_sums = hn::Add(lane_sums, pack(LoadLanes(df, x + i), i));
    sum += SumOfLanes(lane_sums);
  }
  // The parts' end is a multiple of 64 bytes, and of all vectors of elements.
  const int64_t padded = (stride - kPartHeader) / Parts::kElementBytes;
  if (i < k) {
    // The lanes past the end are zeros.
    sum += SumOfLanes(pack(LoadPartial(df, x + i, static_cast<size_t>(k - i)), i));
    i += lanes;
  }
  if (i < padded) {
    for (int32_t part = 0; part < Parts::Parts(row.digits); ++part) {
      std::memset(out + part * stride + kPartHeader + i * Parts::kElementBytes, 0,
                  static_cast<size_t>((padded - i) * Parts::kElementBytes));
    }
  }
  std::memcpy(out, &sum, sizeof(sum));
}

template <class Parts>
void PackRowOf(const void* x, DType dtype, int64_t k, const RowScale& row, std::byte* packed) {
  if (dtype == DType::kF32) return PackRow<Parts>(static_cast<const float*>(x), k, row, packed);
  if (dtype == DType::kBF16) return PackRow<Parts>(static_cast<const BF16*>(x), k, row, packed);
  PackRow<Parts>(static_cast<const F16*>(x), k, row, packed);
}

template <class Parts>
void Pack(ConstMatrix x, const RowScale* rows, int64_t m_begin, int64_t m_end, std::byte* packed) {
  for (int64_t m = m_begin; m < m_end; ++m) {
    if (rows[m].digits == 0) continue;
    PackRowOf<Parts>(x.Row(m), x.dtype, x.cols, rows[m], packed);
  }
}

// ------------------------------------------------------------------------------------------------ finishing

// S to float32, rounded once: |S| < 2^53, so the step to float64 is exact.
hn::Vec<DF> SumsToFloat(const int64_t* sums) {
  const DF df;
  const hn::Half<DF> dh;
  const hn::Rebind<int64_t, decltype(dh)> dl;
  const hn::Rebind<double, decltype(dh)> dd;
  const auto low = hn::DemoteTo(dh, hn::ConvertTo(dd, hn::LoadU(dl, sums)));
  const auto high = hn::DemoteTo(dh, hn::ConvertTo(dd, hn::LoadU(dl, sums + hn::Lanes(dh))));
  return hn::Combine(df, high, low);
}

// The one place where sums become results, in the order of the contract.
template <bool kBias>
hn::Vec<DF> Results(const int64_t* sums, const RowScale& row, hn::Vec<DF> scales, hn::Vec<DF> bias) {
  const DF df;
  const auto s = SumsToFloat(sums);
  auto y = hn::Mul(s, hn::Mul(hn::Set(df, row.scale), scales));
  if (row.pre_scale != 1.0F) y = hn::Mul(y, hn::Set(df, kTiny));
  if (kBias) y = hn::Add(y, bias);
  y = hn::IfThenElse(hn::Eq(s, hn::Zero(df)), kBias ? bias : hn::Zero(df), y);
  return hn::IfThenElse(hn::IsNaN(y), hn::BitCast(df, hn::Set(DI(), 0x7FC00000)), y);
}

template <class T, bool kBias>
void FinishRows(const FinishArgs& args) {
  const DF df;
  const auto lanes = static_cast<int64_t>(hn::Lanes(df));
  const auto rest = static_cast<size_t>(args.n % lanes);
  const int64_t whole = args.n - args.n % lanes;
  const auto zero = hn::Zero(df);
  const auto last_scales = LoadPartial(df, args.scales + whole, rest);
  const auto last_bias = kBias ? LoadPartial(df, args.bias + whole, rest) : zero;
  for (int64_t m = 0; m < args.m; ++m) {
    const RowScale& row = args.rows[m];
    const int64_t* sums = args.sums + m * args.sums_stride;
    T* y = static_cast<T*>(args.y.Row(m)) + args.n_begin;
    for (int64_t i = 0; i < whole; i += lanes) {
      const auto bias = kBias ? hn::LoadU(df, args.bias + i) : zero;
      StoreLanes(df, Results<kBias>(sums + i, row, hn::LoadU(df, args.scales + i), bias), y + i);
    }
    if (rest != 0) StorePartial(df, Results<kBias>(sums + whole, row, last_scales, last_bias), y + whole, rest);
  }
}

template <class T>
void FinishAs(const FinishArgs& args) {
  args.bias != nullptr ? FinishRows<T, true>(args) : FinishRows<T, false>(args);
}

void Finish(const FinishArgs& args) { W8A16_FOR_DTYPE(args.y.dtype, FinishAs, args); }

}  // namespace

extern const PackKernels kPackKernels;
const PackKernels kPackKernels = {MeasureRows, Pack<WordParts>, Pack<DigitParts>, Finish};

}  // namespace w8a16::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // !HWY_HAVE_SCALABLE

#if HWY_ONCE
namespace w8a16 {

const PackKernels* PackKernelsFor(Isa isa) {
  switch (isa) {
#if HWY_TARGETS & HWY_AVX3
    case Isa::kAvx512:
      return &N_AVX3::kPackKernels;
#endif
#if HWY_TARGETS & HWY_AVX2
    case Isa::kAvx2:
      return &N_AVX2::kPackKernels;
#endif
#if HWY_TARGETS & HWY_SSE4
    case Isa::kSse4:
      return &N_SSE4::kPackKernels;
#endif
#if HWY_TARGETS & HWY_NEON
    case Isa::kNeon:
      return &N_NEON::kPackKernels;
#endif
    default:
      return nullptr;
  }
}

}  // namespace w8a16
#endif  // HWY_ONCE
