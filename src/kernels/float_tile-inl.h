// The register-blocked dot products of the float linear layer and of attention scores. Compiled once for each target.

#include "hwy/cache_control.h"
#include "kernels/float_simd-inl.h"

#if defined(W8A16_KERNELS_FLOAT_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef W8A16_KERNELS_FLOAT_TILE_INL_H_
#undef W8A16_KERNELS_FLOAT_TILE_INL_H_
#else
#define W8A16_KERNELS_FLOAT_TILE_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace w8a16 {
namespace HWY_NAMESPACE {

/// Columns of a tile of sums, and its rows: 16 accumulators where there are 32 registers, 8 where there are 16.
inline constexpr int64_t kTileColumns = 4;
#if HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_AVX2
inline constexpr int kTileRows = 2;
#else
inline constexpr int kTileRows = 4;
#endif

/// Four accumulators, one for each column. Not an array: vectors of SVE have no size.
#define W8A16_ROW_ACCUMULATORS(r) \
  auto s##r##0 = hn::Zero(d), s##r##1 = hn::Zero(d), s##r##2 = hn::Zero(d), s##r##3 = hn::Zero(d)

template <class D>
HWY_INLINE void MulAddFour(hn::Vec<D> x, hn::Vec<D> w0, hn::Vec<D> w1, hn::Vec<D> w2, hn::Vec<D> w3, hn::Vec<D>& s0,
                           hn::Vec<D>& s1, hn::Vec<D>& s2, hn::Vec<D>& s3) {
  s0 = hn::MulAdd(x, w0, s0);
  s1 = hn::MulAdd(x, w1, s1);
  s2 = hn::MulAdd(x, w2, s2);
  s3 = hn::MulAdd(x, w3, s3);
}

/// sums[r * 4 + c] = sum over k of a[r * a_stride + k] * b[c][k], r < kRows. Each sum has one vector accumulator that
/// takes k in order, so its bits do not depend on the shape of the tile. Asks for memory `ahead` elements ahead in b,
/// if not 0: 16-bit rows come from memory at 12 GB/s without it and at 28 GB/s with it (Zen 5, one thread); 32-bit ones
/// gain nothing.
template <int kRows, class T>
HWY_INLINE void DotTile(const float* a, int64_t a_stride, const T* const* b, int64_t ahead, int64_t k, float* sums) {
  static_assert(kRows == 1 || kRows == 2 || kRows == 4);
  using D = hn::ScalableTag<float>;
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const T* HWY_RESTRICT b0 = b[0];
  const T* HWY_RESTRICT b1 = b[1];
  const T* HWY_RESTRICT b2 = b[2];
  const T* HWY_RESTRICT b3 = b[3];
  const float* HWY_RESTRICT a0 = a;
  const float* HWY_RESTRICT a1 = a + a_stride;
  const float* HWY_RESTRICT a2 = a1 + a_stride;
  const float* HWY_RESTRICT a3 = a2 + a_stride;
  W8A16_ROW_ACCUMULATORS(0);
  W8A16_ROW_ACCUMULATORS(1);
  W8A16_ROW_ACCUMULATORS(2);
  W8A16_ROW_ACCUMULATORS(3);
  int64_t i = 0;
  for (; i + lanes <= k; i += lanes) {
    if (sizeof(T) == 2 && ahead != 0) {
      hwy::Prefetch(b0 + i + ahead);
      hwy::Prefetch(b1 + i + ahead);
      hwy::Prefetch(b2 + i + ahead);
      hwy::Prefetch(b3 + i + ahead);
    }
    const auto w0 = LoadLanes(d, b0 + i), w1 = LoadLanes(d, b1 + i), w2 = LoadLanes(d, b2 + i),
               w3 = LoadLanes(d, b3 + i);
    MulAddFour<D>(LoadLanes(d, a0 + i), w0, w1, w2, w3, s00, s01, s02, s03);
    if constexpr (kRows > 1) MulAddFour<D>(LoadLanes(d, a1 + i), w0, w1, w2, w3, s10, s11, s12, s13);
    if constexpr (kRows > 2) {
      MulAddFour<D>(LoadLanes(d, a2 + i), w0, w1, w2, w3, s20, s21, s22, s23);
      MulAddFour<D>(LoadLanes(d, a3 + i), w0, w1, w2, w3, s30, s31, s32, s33);
    }
  }
  if (i < k) {
    const size_t n = static_cast<size_t>(k - i);
    const auto w0 = LoadPartial(d, b0 + i, n), w1 = LoadPartial(d, b1 + i, n);
    const auto w2 = LoadPartial(d, b2 + i, n), w3 = LoadPartial(d, b3 + i, n);
    MulAddFour<D>(LoadPartial(d, a0 + i, n), w0, w1, w2, w3, s00, s01, s02, s03);
    if constexpr (kRows > 1) MulAddFour<D>(LoadPartial(d, a1 + i, n), w0, w1, w2, w3, s10, s11, s12, s13);
    if constexpr (kRows > 2) {
      MulAddFour<D>(LoadPartial(d, a2 + i, n), w0, w1, w2, w3, s20, s21, s22, s23);
      MulAddFour<D>(LoadPartial(d, a3 + i, n), w0, w1, w2, w3, s30, s31, s32, s33);
    }
  }
  SumFour(d, s00, s01, s02, s03, sums);
  if constexpr (kRows > 1) SumFour(d, s10, s11, s12, s13, sums + 4);
  if constexpr (kRows > 2) {
    SumFour(d, s20, s21, s22, s23, sums + 8);
    SumFour(d, s30, s31, s32, s33, sums + 12);
  }
}

#undef W8A16_ROW_ACCUMULATORS

/// DotTile for `rows` <= kTileRows rows.
template <class T>
HWY_INLINE void DotRows(int64_t rows, const float* a, int64_t a_stride, const T* const* b, int64_t ahead, int64_t k,
                        float* sums) {
  if (rows == kTileRows) {
    DotTile<kTileRows>(a, a_stride, b, ahead, k, sums);
  } else {
    for (int64_t r = 0; r < rows; ++r) DotTile<1>(a + r * a_stride, 0, b, ahead, k, sums + r * kTileColumns);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace w8a16
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
