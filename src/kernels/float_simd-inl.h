// Loads, stores and reductions that the float kernels share, and the functions that each target's table is made of.
// Compiled once for each target.

#include <cstddef>
#include <cstdint>

#include "kernels/float_kernels.h"

#if defined(W8A16_KERNELS_FLOAT_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef W8A16_KERNELS_FLOAT_SIMD_INL_H_
#undef W8A16_KERNELS_FLOAT_SIMD_INL_H_
#else
#define W8A16_KERNELS_FLOAT_SIMD_INL_H_
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace w8a16 {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void Linear(const FloatLinearArgs& args) noexcept;
void ToFloat(const void* in, DType dtype, int64_t n, float* out) noexcept;
void FromFloat(const float* in, int64_t n, void* out, DType dtype) noexcept;
void RmsNorm(const float* x, const float* weight, float weight_offset, float eps, int64_t n, void* y,
             DType y_dtype) noexcept;
void LayerNorm(const float* x, const float* weight, const float* bias, float eps, int64_t n, void* y,
               DType y_dtype) noexcept;
void Rope(float* x, const float* cos, const float* sin, int64_t rotary_dim, bool interleaved) noexcept;
void Activate(Activation kind, const void* gate, const void* up, int64_t n, void* out, DType dtype) noexcept;
void Add(float* x, const void* y, DType dtype, float factor, int64_t n) noexcept;
void ScaleAndCap(float* x, float scale, float cap, int64_t n) noexcept;
float Softmax(const AttentionArgs& args, float* s, int64_t first, int64_t n) noexcept;
void Attention(const AttentionArgs& args) noexcept;

/// Elements of memory by type, so that kernels are templates of what they read and write.
struct F16 {
  uint16_t bits;
};
struct BF16 {
  uint16_t bits;
};

/// Calls function<element type of dtype>(arguments...).
#define W8A16_FOR_DTYPE(dtype, function, ...) \
  switch (dtype) {                            \
    case DType::kF32:                         \
      return function<float>(__VA_ARGS__);    \
    case DType::kF16:                         \
      return function<F16>(__VA_ARGS__);      \
    default:                                  \
      return function<BF16>(__VA_ARGS__);     \
  }

template <class D>
using DU16 = hn::Rebind<uint16_t, D>;
template <class D>
using DU32 = hn::RebindToUnsigned<D>;

template <class D>
HWY_INLINE hn::Vec<D> Widen(D d, hn::Vec<DU16<D>> bits, BF16 /*type*/) {
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(DU32<D>(), bits)));
}

template <class D>
HWY_INLINE hn::Vec<D> Widen(D d, hn::Vec<DU16<D>> bits, F16 /*type*/) {
  const auto wide = hn::PromoteTo(d, hn::BitCast(hn::Rebind<hwy::float16_t, D>(), bits));
#if HWY_TARGET == HWY_SSE4
  // Without F16C, Highway 1.0.3 takes infinities and NaNs for numbers of 65536 and more.
  const DU32<D> du;
  const hn::RebindToSigned<D> di;
  const auto bits32 = hn::PromoteTo(du, bits);
  const auto magnitude = hn::And(bits32, hn::Set(du, 0x7FFF));
  const auto sign = hn::ShiftLeft<16>(hn::Xor(bits32, magnitude));
  const auto special = hn::Or(hn::Or(sign, hn::Set(du, 0x7F800000)), hn::ShiftLeft<13>(magnitude));
  const auto is_special = hn::RebindMask(d, hn::Gt(hn::BitCast(di, magnitude), hn::Set(di, 0x7BFF)));
  return hn::IfThenElse(is_special, hn::BitCast(d, special), wide);
#else
  return wide;
#endif
}

template <class D>
HWY_INLINE hn::Vec<DU16<D>> Narrow(D /*d*/, hn::Vec<DU32<D>> bits) {
  const hn::RebindToSigned<D> di;
  return hn::DemoteTo(DU16<D>(), hn::BitCast(di, bits));
}

/// Nearest even by integers: Highway 1.0.3 truncates.
template <class D>
HWY_INLINE hn::Vec<DU16<D>> Round(D d, hn::Vec<D> v, BF16 /*type*/) {
  const DU32<D> du;
  const auto bits = hn::BitCast(du, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1));
  const auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7FFF))));
  return Narrow(d, hn::IfThenElse(hn::RebindMask(du, hn::IsNaN(v)), hn::Set(du, 0x7FC0), rounded));
}

/// Nearest even by integers (where there is no F16C, Highway 1.0.3 truncates). After F. Giesen,
/// float_to_half_fast3_rtne.
template <class D>
HWY_INLINE hn::Vec<DU16<D>> Round(D d, hn::Vec<D> v, F16 /*type*/) {
  const DU32<D> du;
  const hn::RebindToSigned<D> di;
  const auto magnitude = hn::BitCast(du, hn::Abs(v));
  const auto sign = hn::ShiftLeft<15>(hn::ShiftRight<31>(hn::BitCast(du, v)));
  const auto odd = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(du, 1));
  // Exponent bias 127 -> 15, and half a unit in the last place less one.
  const auto normal = hn::ShiftRight<13>(hn::Add(magnitude, hn::Add(odd, hn::Set(du, 0xC8000FFFU))));
  // Adding 0.5 lets the float addition round at 2^-24, the step of subnormal numbers.
  const auto half = hn::Set(d, 0.5F);
  const auto subnormal = hn::Sub(hn::BitCast(du, hn::Add(hn::Abs(v), half)), hn::BitCast(du, half));
  const auto signed_magnitude = hn::BitCast(di, magnitude);
  const auto is_subnormal = hn::RebindMask(du, hn::Lt(signed_magnitude, hn::Set(di, 113 << 23)));
  const auto overflows = hn::RebindMask(du, hn::Gt(signed_magnitude, hn::Set(di, (143 << 23) - 1)));
  auto bits = hn::IfThenElse(is_subnormal, subnormal, normal);
  bits = hn::Or(hn::IfThenElse(overflows, hn::Set(du, 0x7C00), bits), sign);
  return Narrow(d, hn::IfThenElse(hn::RebindMask(du, hn::IsNaN(v)), hn::Set(du, 0x7E00), bits));
}

/// All lanes.
template <class D>
HWY_INLINE hn::Vec<D> LoadLanes(D d, const float* p) {
  return hn::LoadU(d, p);
}
template <class D, class T>
HWY_INLINE hn::Vec<D> LoadLanes(D d, const T* p) {
  return Widen(d, hn::LoadU(DU16<D>(), &p->bits), T());
}

// Where Highway's masked loads read, and its masked stores write, whole vectors, partial ones go through the stack.
#define W8A16_MASKED_F32 (!HWY_MEM_OPS_MIGHT_FAULT || HWY_TARGET == HWY_AVX2)
#define W8A16_MASKED_U16 (!HWY_MEM_OPS_MIGHT_FAULT)

/// The first n lanes, zeros in the others; touches no memory past n elements.
template <class D>
HWY_INLINE hn::Vec<D> LoadPartial(D d, const float* p, size_t n) {
#if W8A16_MASKED_F32
  return hn::MaskedLoad(hn::FirstN(d, n), d, p);
#else
  HWY_ALIGN float lanes[hn::MaxLanes(d)] = {};
  for (size_t i = 0; i < n; ++i) lanes[i] = p[i];
  return hn::Load(d, lanes);
#endif
}
template <class D, class T>
HWY_INLINE hn::Vec<D> LoadPartial(D d, const T* p, size_t n) {
  const DU16<D> du16;
#if W8A16_MASKED_U16
  return Widen(d, hn::MaskedLoad(hn::FirstN(du16, n), du16, &p->bits), T());
#else
  HWY_ALIGN uint16_t lanes[hn::MaxLanes(d)] = {};
  for (size_t i = 0; i < n; ++i) lanes[i] = p[i].bits;
  return Widen(d, hn::LoadU(du16, lanes), T());
#endif
}

template <class D>
HWY_INLINE void StoreLanes(D d, hn::Vec<D> v, float* p) {
  hn::StoreU(v, d, p);
}
template <class D, class T>
HWY_INLINE void StoreLanes(D d, hn::Vec<D> v, T* p) {
  hn::StoreU(Round(d, v, T()), DU16<D>(), &p->bits);
}

/// The first n lanes; touches no memory past n elements.
template <class D>
HWY_INLINE void StorePartial(D d, hn::Vec<D> v, float* p, size_t n) {
#if W8A16_MASKED_F32
  hn::BlendedStore(v, hn::FirstN(d, n), d, p);
#else
  HWY_ALIGN float lanes[hn::MaxLanes(d)];
  hn::Store(v, d, lanes);
  for (size_t i = 0; i < n; ++i) p[i] = lanes[i];
#endif
}
template <class D, class T>
HWY_INLINE void StorePartial(D d, hn::Vec<D> v, T* p, size_t n) {
  const DU16<D> du16;
#if W8A16_MASKED_U16
  hn::BlendedStore(Round(d, v, T()), hn::FirstN(du16, n), du16, &p->bits);
#else
  HWY_ALIGN uint16_t lanes[hn::MaxLanes(d)];
  hn::StoreU(Round(d, v, T()), du16, lanes);
  for (size_t i = 0; i < n; ++i) p[i].bits = lanes[i];
#endif
}

/// Up to a vector, of what is left.
template <class D, class T>
HWY_INLINE hn::Vec<D> LoadUpTo(D d, const T* p, int64_t left) {
  return left >= static_cast<int64_t>(hn::Lanes(d)) ? LoadLanes(d, p) : LoadPartial(d, p, static_cast<size_t>(left));
}
template <class D, class T>
HWY_INLINE void StoreUpTo(D d, hn::Vec<D> v, T* p, int64_t left) {
  if (left >= static_cast<int64_t>(hn::Lanes(d))) {
    StoreLanes(d, v, p);
  } else {
    StorePartial(d, v, p, static_cast<size_t>(left));
  }
}

/// exp(x) within 2 units in the last place; zero below the smallest normal number, infinity above the largest; a NaN
/// stays. Polynomial: S. Moshier, Cephes expf.
template <class D>
HWY_INLINE hn::Vec<D> Exp(D d, hn::Vec<D> x) {
  // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
  const auto magic = hn::Set(d, 12582912.0F);
  const auto shifted = hn::MulAdd(x, hn::Set(d, 1.44269504F), magic);
  const auto n = hn::Sub(shifted, magic);
  auto r = hn::NegMulAdd(n, hn::Set(d, 0.693359375F), x);
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4F), r);
  auto p = hn::MulAdd(hn::Set(d, 1.9875691500e-4F), r, hn::Set(d, 1.3981999507e-3F));
  p = hn::MulAdd(p, r, hn::Set(d, 8.3334519073e-3F));
  p = hn::MulAdd(p, r, hn::Set(d, 4.1665795894e-2F));
  p = hn::MulAdd(p, r, hn::Set(d, 1.6666665459e-1F));
  p = hn::MulAdd(p, r, hn::Set(d, 5.0000001201e-1F));
  p = hn::Add(hn::MulAdd(p, hn::Mul(r, r), r), hn::Set(d, 1.0F));
  const DU32<D> du;
  const auto scaled = hn::BitCast(d, hn::Add(hn::BitCast(du, p), hn::ShiftLeft<23>(hn::BitCast(du, shifted))));
  const auto in_range = hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -87.33F)), scaled);
  // Also taken for NaN, which compares false.
  const auto infinite = hn::Mul(x, hn::Inf(d));
  return hn::IfThenElse(hn::Le(x, hn::Set(d, 88.722F)), in_range, infinite);
}

/// tanh(x) within 2e-7 of its value. Polynomial below 0.625: S. Moshier, Cephes tanhf.
template <class D>
HWY_INLINE hn::Vec<D> Tanh(D d, hn::Vec<D> x) {
  const auto one = hn::Set(d, 1.0F);
  const auto magnitude = hn::Abs(x);
  const auto z = hn::Mul(x, x);
  auto p = hn::MulAdd(hn::Set(d, -5.70498872745e-3F), z, hn::Set(d, 2.06390887954e-2F));
  p = hn::MulAdd(p, z, hn::Set(d, -5.37397155531e-2F));
  p = hn::MulAdd(p, z, hn::Set(d, 1.33314422036e-1F));
  p = hn::MulAdd(p, z, hn::Set(d, -3.33332819422e-1F));
  const auto small = hn::MulAdd(hn::Mul(p, z), x, x);
  const auto e = Exp(d, hn::Add(magnitude, magnitude));
  const auto large = hn::CopySign(hn::Sub(one, hn::Div(hn::Set(d, 2.0F), hn::Add(e, one))), x);
  return hn::IfThenElse(hn::Lt(magnitude, hn::Set(d, 0.625F)), small, large);
}

#if !HWY_HAVE_SCALABLE
/// Adds blocks of four lanes: halves to each other until one is left.
template <class D>
HWY_INLINE void SumBlocks(D d, hn::Vec<D> v, float* sums) {
  if constexpr (hn::MaxLanes(D()) == 4) {
    hn::StoreU(v, d, sums);
  } else {
    const hn::Half<D> dh;
    SumBlocks(dh, hn::Add(hn::LowerHalf(dh, v), hn::UpperHalf(dh, v)), sums);
  }
}
#endif

/// The sums of the lanes of four vectors, in one fixed tree: within blocks of four lanes, then across blocks.
template <class D>
HWY_INLINE void SumFour(D d, hn::Vec<D> a, hn::Vec<D> b, hn::Vec<D> c, hn::Vec<D> e, float* sums) {
  const hn::Repartition<uint64_t, D> du64;
  const auto ab = hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
  const auto ce = hn::Add(hn::InterleaveLower(d, c, e), hn::InterleaveUpper(d, c, e));
  const auto ab64 = hn::BitCast(du64, ab);
  const auto ce64 = hn::BitCast(du64, ce);
  const auto blocks = hn::Add(hn::BitCast(d, hn::InterleaveLower(du64, ab64, ce64)),
                              hn::BitCast(d, hn::InterleaveUpper(du64, ab64, ce64)));
#if HWY_HAVE_SCALABLE
  HWY_ALIGN float lanes[hn::MaxLanes(d)];
  hn::Store(blocks, d, lanes);
  for (size_t i = 0; i < 4; ++i) sums[i] = lanes[i];
  for (size_t i = 4; i < hn::Lanes(d); ++i) sums[i % 4] += lanes[i];
#else
  SumBlocks(d, blocks, sums);
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace w8a16
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
