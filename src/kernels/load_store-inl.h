// Loads and stores of kF32, kF16 and kBF16 as float32 vectors. Included once for each Highway target.
#if defined(W8A16_KERNELS_LOAD_STORE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef W8A16_KERNELS_LOAD_STORE_INL_H_
#undef W8A16_KERNELS_LOAD_STORE_INL_H_
#else
#define W8A16_KERNELS_LOAD_STORE_INL_H_
#endif

#include "hwy/highway.h"
#include "w8a16/dtype.h"

HWY_BEFORE_NAMESPACE();
namespace w8a16::HWY_NAMESPACE {
namespace {

template <DType kDType>
inline constexpr int64_t kBytes = kDType == DType::kF32 ? 4 : 2;

/// Elements [i, i + lanes) of x, exact.
template <DType kDType, class D>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> LoadFloats(D d, const void* x, int64_t i) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::Rebind<uint16_t, D> d16;
  const auto* bits = static_cast<const uint16_t*>(x) + i;
  if constexpr (kDType == DType::kF32) {
    return hn::LoadU(d, static_cast<const float*>(x) + i);
  } else if constexpr (kDType == DType::kBF16) {
    return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(hn::RebindToUnsigned<D>(), hn::LoadU(d16, bits))));
  } else if constexpr (HWY_TARGET == HWY_SSE4) {
    // No F16C, and Highway's stand-in does not know infinity.
    HWY_ALIGN float values[hn::MaxLanes(D())];
    for (size_t lane = 0; lane < hn::Lanes(d); ++lane) values[lane] = F16ToFloat(bits[lane]);
    return hn::Load(d, values);
  } else {
    const hn::Rebind<hwy::float16_t, D> dh;
    return hn::PromoteTo(d, hn::BitCast(dh, hn::LoadU(d16, bits)));
  }
}

/// Elements [i, i + lanes) of y, rounded to nearest even. NaNs in v are canonical already.
template <DType kDType, class D>
HWY_INLINE void StoreFloats(D d, hwy::HWY_NAMESPACE::Vec<D> v, void* y, int64_t i) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::Rebind<uint16_t, D> d16;
  const hn::RebindToSigned<D> d32;
  auto* bits = static_cast<uint16_t*>(y) + i;
  if constexpr (kDType == DType::kF32) {
    hn::StoreU(v, d, static_cast<float*>(y) + i);
  } else if constexpr (kDType == DType::kBF16) {
    // As FloatToBF16 does it; Highway 1.0.3 truncates. The canonical NaN does not carry out of the upper half.
    const hn::RebindToUnsigned<D> du32;
    const auto u = hn::BitCast(du32, v);
    const auto odd = hn::And(hn::ShiftRight<16>(u), hn::Set(du32, 1));
    const auto rounded = hn::ShiftRight<16>(hn::Add(hn::Add(u, hn::Set(du32, 0x7FFF)), odd));
    hn::StoreU(hn::DemoteTo(d16, hn::BitCast(d32, rounded)), d16, bits);
  } else if constexpr (HWY_TARGET == HWY_SSE4) {
    HWY_ALIGN float values[hn::MaxLanes(D())];
    hn::Store(v, d, values);
    for (size_t lane = 0; lane < hn::Lanes(d); ++lane) bits[lane] = FloatToF16(values[lane]);
  } else {
    const hn::Rebind<hwy::float16_t, D> dh;
    hn::StoreU(hn::BitCast(d16, hn::DemoteTo(dh, v)), d16, bits);
  }
}

}  // namespace
}  // namespace w8a16::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
