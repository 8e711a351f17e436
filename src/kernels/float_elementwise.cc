// Conversions, norms, rotary embedding, activations.

#include <cmath>

#include "base/highway_targets.h"

#define HWY_TARGET_INCLUDE "kernels/float_elementwise.cc"
#include "hwy/foreach_target.h"
#include "kernels/float_simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace w8a16 {
namespace HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

HWY_INLINE int64_t LaneCount() { return static_cast<int64_t>(hn::Lanes(D())); }

template <class T>
void ToFloatOf(const void* in, int64_t n, float* out) {
  const D d;
  for (int64_t i = 0; i < n; i += LaneCount()) {
    StoreUpTo(d, LoadUpTo(d, static_cast<const T*>(in) + i, n - i), out + i, n - i);
  }
}

template <class T>
void FromFloatOf(const float* in, int64_t n, void* out) {
  const D d;
  for (int64_t i = 0; i < n; i += LaneCount()) {
    StoreUpTo(d, LoadUpTo(d, in + i, n - i), static_cast<T*>(out) + i, n - i);
  }
}

/// Sum of x - center (kPower 1) or of its square (2). Chunks of few additions are added up in float64, so that the
/// error does not grow with n.
template <int kPower>
double SumPowers(const float* x, int64_t n, float center) {
  const D d;
  constexpr int64_t kChunk = 256;
  const auto c = hn::Set(d, center);
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += kChunk) {
    const int64_t end = HWY_MIN(begin + kChunk, n);
    auto sum = hn::Zero(d);
    for (int64_t i = begin; i < end; i += LaneCount()) {
      auto v = hn::Sub(LoadUpTo(d, x + i, end - i), c);
      if (end - i < LaneCount()) v = hn::IfThenElseZero(hn::FirstN(d, static_cast<size_t>(end - i)), v);
      sum = kPower == 2 ? hn::MulAdd(v, v, sum) : hn::Add(sum, v);
    }
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
  }
  return total;
}

template <class T>
void RmsNormOf(const float* x, const float* weight, float weight_offset, float inverse, int64_t n, void* y) {
  const D d;
  const auto scale = hn::Set(d, inverse);
  const auto offset = hn::Set(d, weight_offset);
  for (int64_t i = 0; i < n; i += LaneCount()) {
    auto v = hn::Mul(LoadUpTo(d, x + i, n - i), scale);
    if (weight != nullptr) v = hn::Mul(v, hn::Add(LoadUpTo(d, weight + i, n - i), offset));
    StoreUpTo(d, v, static_cast<T*>(y) + i, n - i);
  }
}

template <class T>
void LayerNormOf(const float* x, const float* weight, const float* bias, float mean, float inverse, int64_t n,
                 void* y) {
  const D d;
  const auto scale = hn::Set(d, inverse);
  const auto center = hn::Set(d, mean);
  for (int64_t i = 0; i < n; i += LaneCount()) {
    auto v = hn::Mul(hn::Sub(LoadUpTo(d, x + i, n - i), center), scale);
    if (weight != nullptr) v = hn::Mul(v, LoadUpTo(d, weight + i, n - i));
    if (bias != nullptr) v = hn::Add(v, LoadUpTo(d, bias + i, n - i));
    StoreUpTo(d, v, static_cast<T*>(y) + i, n - i);
  }
}

/// Pairs (a, b) turned by the angle.
HWY_INLINE void Turn(V cos, V sin, V& a, V& b) {
  const V turned = hn::NegMulAdd(b, sin, hn::Mul(a, cos));
  b = hn::MulAdd(a, sin, hn::Mul(b, cos));
  a = turned;
}

void RopeHalves(float* x, const float* cos, const float* sin, int64_t half) {
  const D d;
  for (int64_t i = 0; i < half; i += LaneCount()) {
    const int64_t left = half - i;
    V a = LoadUpTo(d, x + i, left);
    V b = LoadUpTo(d, x + half + i, left);
    Turn(LoadUpTo(d, cos + i, left), LoadUpTo(d, sin + i, left), a, b);
    StoreUpTo(d, a, x + i, left);
    StoreUpTo(d, b, x + half + i, left);
  }
}

void RopeInterleaved(float* x, const float* cos, const float* sin, int64_t half) {
  const D d;
  for (int64_t i = 0; i < half; i += LaneCount()) {
    const int64_t left = half - i;
    V a;
    V b;
    if (left >= LaneCount()) {
      hn::LoadInterleaved2(d, x + 2 * i, a, b);
      Turn(hn::LoadU(d, cos + i), hn::LoadU(d, sin + i), a, b);
      hn::StoreInterleaved2(a, b, d, x + 2 * i);
    } else {
      HWY_ALIGN float pairs[2 * hn::MaxLanes(d)] = {};
      for (int64_t j = 0; j < 2 * left; ++j) pairs[j] = x[2 * i + j];
      hn::LoadInterleaved2(d, pairs, a, b);
      Turn(LoadUpTo(d, cos + i, left), LoadUpTo(d, sin + i, left), a, b);
      hn::StoreInterleaved2(a, b, d, pairs);
      for (int64_t j = 0; j < 2 * left; ++j) x[2 * i + j] = pairs[j];
    }
  }
}

/// a / (1 + exp(-b)).
HWY_INLINE V TimesSigmoid(V a, V b) {
  const D d;
  return hn::Div(a, hn::Add(hn::Set(d, 1.0F), Exp(d, hn::Neg(b))));
}

HWY_INLINE V Relu(V x) { return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(D())), x); }

/// x Phi(x) = max(x, 0) - |x| Phi(-|x|): no cancellation in either tail. Phi(-z) = exp(-z^2/2) t Q(t), t = 1 / (1 +
/// 0.35 z), with Q a weighted least-squares fit to erfcx, relative error 3.2e-8 for z in [0, 14] (below, 1e-43 counts
/// as 0). The form is that of Abramowitz and Stegun 7.1.26.
HWY_INLINE V GeluErf(V x) {
  const D d;
  const V z = hn::Min(hn::Abs(x), hn::Set(d, 14.0F));
  const V t = hn::Div(hn::Set(d, 1.0F), hn::MulAdd(z, hn::Set(d, 0.35F), hn::Set(d, 1.0F)));
  V q = hn::Set(d, -0.0291461293F);
  q = hn::MulAdd(q, t, hn::Set(d, 0.143972635F));
  q = hn::MulAdd(q, t, hn::Set(d, -0.255716115F));
  q = hn::MulAdd(q, t, hn::Set(d, 0.159176201F));
  q = hn::MulAdd(q, t, hn::Set(d, -0.0231111646F));
  q = hn::MulAdd(q, t, hn::Set(d, 0.105508529F));
  q = hn::MulAdd(q, t, hn::Set(d, 0.119832747F));
  q = hn::MulAdd(q, t, hn::Set(d, 0.139861882F));
  q = hn::MulAdd(q, t, hn::Set(d, 0.139621407F));
  const V tail = hn::Mul(hn::Mul(t, q), Exp(d, hn::Mul(hn::Mul(z, z), hn::Set(d, -0.5F))));
  return hn::NegMulAdd(z, tail, Relu(x));
}

/// x/2 (1 + tanh u) = x / (1 + exp(-2u)).
HWY_INLINE V GeluTanh(V x) {
  const D d;
  constexpr float kTwiceRootTwoOverPi = 1.59576912F;
  const V inner = hn::MulAdd(hn::Mul(x, x), hn::Set(d, 0.044715F), hn::Set(d, 1.0F));
  return TimesSigmoid(x, hn::Mul(hn::Mul(x, hn::Set(d, kTwiceRootTwoOverPi)), inner));
}

template <Activation kKind>
HWY_INLINE V Apply(V x) {
  if constexpr (kKind == Activation::kSilu) {
    return TimesSigmoid(x, x);
  } else if constexpr (kKind == Activation::kGelu) {
    return GeluErf(x);
  } else if constexpr (kKind == Activation::kGeluTanh) {
    return GeluTanh(x);
  } else {
    return Relu(x);
  }
}

template <Activation kKind, class T>
void ActivateOf(const T* gate, const T* up, int64_t n, T* out) {
  const D d;
  for (int64_t i = 0; i < n; i += LaneCount()) {
    V v = Apply<kKind>(LoadUpTo(d, gate + i, n - i));
    if (up != nullptr) v = hn::Mul(v, LoadUpTo(d, up + i, n - i));
    StoreUpTo(d, v, out + i, n - i);
  }
}

template <class T>
void ActivateTyped(Activation kind, const void* gate, const void* up, int64_t n, void* out) {
  const T* g = static_cast<const T*>(gate);
  const T* u = static_cast<const T*>(up);
  T* o = static_cast<T*>(out);
  switch (kind) {
    case Activation::kSilu:
      return ActivateOf<Activation::kSilu>(g, u, n, o);
    case Activation::kGelu:
      return ActivateOf<Activation::kGelu>(g, u, n, o);
    case Activation::kGeluTanh:
      return ActivateOf<Activation::kGeluTanh>(g, u, n, o);
    case Activation::kRelu:
      return ActivateOf<Activation::kRelu>(g, u, n, o);
  }
}

template <class T>
void AddOf(float* x, const void* y, float factor, int64_t n) {
  const D d;
  const V f = hn::Set(d, factor);
  for (int64_t i = 0; i < n; i += LaneCount()) {
    const V sum = hn::MulAdd(LoadUpTo(d, static_cast<const T*>(y) + i, n - i), f, LoadUpTo(d, x + i, n - i));
    StoreUpTo(d, sum, x + i, n - i);
  }
}

}  // namespace

void ToFloat(const void* in, DType dtype, int64_t n, float* out) noexcept {
  W8A16_FOR_DTYPE(dtype, ToFloatOf, in, n, out);
}

void FromFloat(const float* in, int64_t n, void* out, DType dtype) noexcept {
  W8A16_FOR_DTYPE(dtype, FromFloatOf, in, n, out);
}

void RmsNorm(const float* x, const float* weight, float weight_offset, float eps, int64_t n, void* y,
             DType y_dtype) noexcept {
  const float mean_square = static_cast<float>(SumPowers<2>(x, n, 0) / static_cast<double>(n));
  const float inverse = 1.0F / std::sqrt(mean_square + eps);
  W8A16_FOR_DTYPE(y_dtype, RmsNormOf, x, weight, weight_offset, inverse, n, y);
}

void LayerNorm(const float* x, const float* weight, const float* bias, float eps, int64_t n, void* y,
               DType y_dtype) noexcept {
  const float mean = static_cast<float>(SumPowers<1>(x, n, 0) / static_cast<double>(n));
  const float variance = static_cast<float>(SumPowers<2>(x, n, mean) / static_cast<double>(n));
  const float inverse = 1.0F / std::sqrt(variance + eps);
  W8A16_FOR_DTYPE(y_dtype, LayerNormOf, x, weight, bias, mean, inverse, n, y);
}

void Rope(float* x, const float* cos, const float* sin, int64_t rotary_dim, bool interleaved) noexcept {
  if (interleaved) {
    RopeInterleaved(x, cos, sin, rotary_dim / 2);
  } else {
    RopeHalves(x, cos, sin, rotary_dim / 2);
  }
}

void Activate(Activation kind, const void* gate, const void* up, int64_t n, void* out, DType dtype) noexcept {
  W8A16_FOR_DTYPE(dtype, ActivateTyped, kind, gate, up, n, out);
}

void Add(float* x, const void* y, DType dtype, float factor, int64_t n) noexcept {
  W8A16_FOR_DTYPE(dtype, AddOf, x, y, factor, n);
}

void ScaleAndCap(float* x, float scale, float cap, int64_t n) noexcept {
  const D d;
  const V s = hn::Set(d, scale);
  const V c = hn::Set(d, cap);
  for (int64_t i = 0; i < n; i += LaneCount()) {
    V v = hn::Mul(LoadUpTo(d, x + i, n - i), s);
    if (cap != 0) v = hn::Mul(c, Tanh(d, hn::Div(v, c)));
    StoreUpTo(d, v, x + i, n - i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace w8a16
HWY_AFTER_NAMESPACE();
