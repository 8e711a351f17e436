#include <algorithm>
#include <cstring>

#include "base/highway_targets.h"
#include "quant/row_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/row_kernels_simd.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
// Vectors of unknown length cannot be held in arrays; SVE machines run the NEON code.
#if !HWY_HAVE_SCALABLE

HWY_BEFORE_NAMESPACE();
namespace w8a16 {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class DF>
HWY_INLINE hn::Vec<DF> LoadAsFloat(DF df, const float* p) {
  return hn::LoadU(df, p);
}
// Also for hwy::bfloat16_t.
template <class DF, class T16>
HWY_INLINE hn::Vec<DF> LoadAsFloat(DF df, const T16* p) {
  return hn::PromoteTo(df, hn::LoadU(hn::Rebind<T16, DF>(), p));
}

template <class T>
HWY_INLINE uint32_t MaxMagnitudeOf(const void* row, DType dtype, size_t n) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  if (n < lanes) return kReferenceRowKernels.max_magnitude(row, dtype, n);
  const auto magnitude_bits = hn::Set(d, static_cast<T>(hwy::LimitsMax<T>() >> 1));
  const auto* p = static_cast<const T*>(row);
  auto max0 = hn::Zero(d);
  auto max1 = hn::Zero(d);
  size_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    max0 = hn::Max(max0, hn::And(hn::LoadU(d, p + i), magnitude_bits));
    max1 = hn::Max(max1, hn::And(hn::LoadU(d, p + i + lanes), magnitude_bits));
  }
  for (; i + lanes <= n; i += lanes) max0 = hn::Max(max0, hn::And(hn::LoadU(d, p + i), magnitude_bits));
  // The last vector may overlap the one before it.
  if (i < n) max1 = hn::Max(max1, hn::And(hn::LoadU(d, p + n - lanes), magnitude_bits));
  return hn::GetLane(hn::MaxOfLanes(d, hn::Max(max0, max1)));
}

uint32_t MaxMagnitude(const void* row, DType dtype, size_t n) {
  return dtype == DType::kF32 ? MaxMagnitudeOf<uint32_t>(row, dtype, n) : MaxMagnitudeOf<uint16_t>(row, dtype, n);
}

template <class T>
HWY_INLINE void QuantizeRowOf(const void* row, DType dtype, size_t n, float scale, uint8_t flip, uint8_t* out) {
  const hn::ScalableTag<float> df;
  const hn::Rebind<int8_t, decltype(df)> d8;
  const size_t lanes = hn::Lanes(df);
  if (n < lanes) {
    kReferenceRowKernels.quantize(row, dtype, n, scale, flip, out);
    return;
  }
  const auto divisor = hn::Set(df, scale);
  const auto flips = hn::Set(d8, static_cast<int8_t>(flip));
  const auto* p = static_cast<const T*>(row);
  auto* q = reinterpret_cast<int8_t*>(out);
  const auto step = [&](size_t i) HWY_ATTR {
    const auto rounded = hn::NearestInt(hn::Div(LoadAsFloat(df, p + i), divisor));
    hn::StoreU(hn::Xor(hn::DemoteTo(d8, rounded), flips), d8, q + i);
  };
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) step(i);
  // The last vector may overlap the one before it, which writes the same bytes again.
  if (i < n) step(n - lanes);
}

void QuantizeRow(const void* row, DType dtype, size_t n, float scale, uint8_t flip, uint8_t* out) {
  if (dtype == DType::kF32) return QuantizeRowOf<float>(row, dtype, n, scale, flip, out);
  if (dtype == DType::kF16) return QuantizeRowOf<hwy::float16_t>(row, dtype, n, scale, flip, out);
  QuantizeRowOf<hwy::bfloat16_t>(row, dtype, n, scale, flip, out);
}

template <class T>
HWY_INLINE void MeasureRowOf(const void* row, size_t n, float scale, uint8_t flip, const uint8_t* quantized,
                             QuantizationError* error) {
  const hn::ScalableTag<double> dd;
  const hn::Rebind<float, decltype(dd)> df;
  const hn::Rebind<int32_t, decltype(dd)> di;
  const hn::Rebind<int8_t, decltype(dd)> d8;
  constexpr size_t kLanes = hn::MaxLanes(dd);
  constexpr size_t kVectors = kMeasureLanes / kLanes;
  using V = hn::Vec<decltype(dd)>;
  V squares[kVectors];
  V weights2[kVectors];
  V max[kVectors];
  for (size_t v = 0; v < kVectors; ++v) squares[v] = weights2[v] = max[v] = hn::Zero(dd);
  const auto factor = hn::Set(dd, static_cast<double>(scale));
  const auto flips = hn::Set(d8, static_cast<int8_t>(flip));

  const auto step = [&](const T* w16, const uint8_t* q16) HWY_ATTR {
    const auto* signed_q = reinterpret_cast<const int8_t*>(q16);
    for (size_t v = 0; v < kVectors; ++v) {
      const auto w = hn::PromoteTo(dd, LoadAsFloat(df, w16 + v * kLanes));
      const auto q = hn::PromoteTo(dd, hn::PromoteTo(di, hn::Xor(hn::LoadU(d8, signed_q + v * kLanes), flips)));
      const auto difference = hn::Sub(w, hn::Mul(q, factor));
      squares[v] = hn::Add(squares[v], hn::Mul(difference, difference));
      weights2[v] = hn::Add(weights2[v], hn::Mul(w, w));
      max[v] = hn::Max(max[v], hn::Abs(difference));
    }
  };

  const auto* p = static_cast<const T*>(row);
  size_t i = 0;
  for (; i + kMeasureLanes <= n; i += kMeasureLanes) step(p + i, quantized + i);
  if (i < n) {
    // Weights 0 with q = 0 add nothing.
    T w16[kMeasureLanes];
    uint8_t q16[kMeasureLanes];
    std::memset(w16, 0, sizeof(w16));
    std::memset(q16, flip, sizeof(q16));
    std::memcpy(w16, p + i, (n - i) * sizeof(T));
    std::memcpy(q16, quantized + i, n - i);
    step(w16, q16);
  }

  double sums[kMeasureLanes];
  for (size_t v = 0; v < kVectors; ++v) hn::StoreU(squares[v], dd, sums + v * kLanes);
  error->sum_squares += SumLanes(sums);
  for (size_t v = 0; v < kVectors; ++v) hn::StoreU(weights2[v], dd, sums + v * kLanes);
  error->sum_weights2 += SumLanes(sums);
  for (size_t v = 0; v < kVectors; ++v) hn::StoreU(max[v], dd, sums + v * kLanes);
  error->max_abs = std::max(error->max_abs, *std::max_element(sums, sums + kMeasureLanes));
}

void MeasureRow(const void* row, DType dtype, size_t n, float scale, uint8_t flip, const uint8_t* quantized,
                QuantizationError* error) {
  if (dtype == DType::kF32) return MeasureRowOf<float>(row, n, scale, flip, quantized, error);
  if (dtype == DType::kF16) return MeasureRowOf<hwy::float16_t>(row, n, scale, flip, quantized, error);
  MeasureRowOf<hwy::bfloat16_t>(row, n, scale, flip, quantized, error);
}

extern const RowKernels kRowKernels;
const RowKernels kRowKernels = {MaxMagnitude, QuantizeRow, MeasureRow};

}  // namespace HWY_NAMESPACE
}  // namespace w8a16
HWY_AFTER_NAMESPACE();
#endif  // !HWY_HAVE_SCALABLE

#if HWY_ONCE

namespace w8a16 {

const RowKernels& RowKernelsFor(Isa isa) {
  switch (isa) {
#if HWY_TARGETS & HWY_AVX3
    case Isa::kAmx:
    case Isa::kAvx512Vnni:
    case Isa::kAvx512:
      return N_AVX3::kRowKernels;
#endif
#if HWY_TARGETS & HWY_AVX2
    case Isa::kAvxVnni:
    case Isa::kAvx2:
      return N_AVX2::kRowKernels;
#endif
#if HWY_TARGETS & HWY_SSE4
    case Isa::kSse4:
      return N_SSE4::kRowKernels;
#endif
#if HWY_TARGETS & HWY_NEON
    case Isa::kSve:
    case Isa::kNeonDot:
    case Isa::kNeon:
      return N_NEON::kRowKernels;
#endif
    default:
      return kReferenceRowKernels;
  }
}

}  // namespace w8a16

#endif
