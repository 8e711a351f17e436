// What the AVX-512 kernels written with intrinsics share. Functions carry their target, so that a file that includes
// this header is compiled for the baseline otherwise.

#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/linear_kernel.h"
#include "w8a16/tensor.h"

#define W8A16_AVX512_INLINE \
  static inline __attribute__((always_inline, target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))

namespace w8a16::avx512 {

/// 16 numbers of kBF16.
W8A16_AVX512_INLINE __m512 FromBF16(__m256i bits) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}

/// The first `count` (0 to 16) elements of `p` as float32; zeros past them. Never reads past them.
W8A16_AVX512_INLINE __m512 LoadFloats(const void* p, DType dtype, int64_t count) {
  const auto mask = static_cast<__mmask16>(count >= 16 ? 0xFFFFU : (1U << count) - 1U);
  if (dtype == DType::kF32) return _mm512_maskz_loadu_ps(mask, p);
  const __m256i bits = _mm256_maskz_loadu_epi16(mask, p);
  if (dtype == DType::kF16) return _mm512_cvtph_ps(bits);
  return FromBF16(bits);
}

/// Stores the first `count` floats as `dtype`, rounded to nearest even, every NaN as the canonical one.
W8A16_AVX512_INLINE void StoreFloats(void* p, DType dtype, int64_t count, __m512 value) {
  const auto mask = static_cast<__mmask16>(count >= 16 ? 0xFFFFU : (1U << count) - 1U);
  const __mmask16 nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
  __m512i bits = _mm512_castps_si512(value);
  if (dtype == DType::kF32) {
    bits = _mm512_mask_mov_epi32(bits, nan, _mm512_set1_epi32(0x7FC00000));
    _mm512_mask_storeu_epi32(p, mask, bits);
  } else if (dtype == DType::kF16) {
    const __m256i half = _mm512_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    _mm256_mask_storeu_epi16(p, mask, _mm256_mask_mov_epi16(half, nan, _mm256_set1_epi16(0x7E00)));
  } else {
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    bits = _mm512_srli_epi32(_mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF))), 16);
    bits = _mm512_mask_mov_epi32(bits, nan, _mm512_set1_epi32(0x7FC0));
    _mm256_mask_storeu_epi16(p, mask, _mm512_cvtepi32_epi16(bits));
  }
}

/// Elements [begin, begin + count) of a row of x, at most 64, as balanced base-256 digits: digits[d] holds digit d of
/// each, lowest first, row.digits of them. Zeros past count.
W8A16_AVX512_INLINE void SplitDigits(const void* x_row, DType dtype, int64_t begin, int64_t count, const RowScale& row,
                                     __m512i* digits) {
  const __m512 pre = _mm512_set1_ps(row.pre_scale);
  const __m512 multiplier = _mm512_set1_ps(row.multiplier);
  const __m512i limit = _mm512_set1_epi32(static_cast<int32_t>(row.limit));
  const __m512i minus_limit = _mm512_sub_epi32(_mm512_setzero_si512(), limit);
  const auto* base = static_cast<const std::byte*>(x_row) + static_cast<size_t>(begin) * (dtype == DType::kF32 ? 4 : 2);
  __m128i parts[3][4];
  for (int q = 0; q < 4; ++q) {
    const int64_t left = count - 16 * q;
    const __m512 x =
        LoadFloats(base + static_cast<size_t>(16 * q) * (dtype == DType::kF32 ? 4 : 2), dtype, left < 0 ? 0 : left);
    __m512i v = _mm512_cvt_roundps_epi32(_mm512_mul_ps(_mm512_mul_ps(x, pre), multiplier),
                                         _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    v = _mm512_max_epi32(_mm512_min_epi32(v, limit), minus_limit);
    for (int d = 0; d < 3; ++d) {
      parts[d][q] = _mm512_cvtepi32_epi8(v);
      v = _mm512_srai_epi32(_mm512_add_epi32(v, _mm512_set1_epi32(128)), 8);
    }
  }
  for (int d = 0; d < row.digits; ++d) {
    const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(parts[d][0]), parts[d][1], 1);
    const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(parts[d][2]), parts[d][3], 1);
    digits[d] = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
  }
}

/// Transposes 16 x 16 elements of 32 bits in place.
W8A16_AVX512_INLINE void Transpose16x16(__m512i* r) {
  __m512i t[16];
  for (int i = 0; i < 8; ++i) {
    t[2 * i] = _mm512_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
  }
  for (int i = 0; i < 4; ++i) {
    r[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
    r[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
    r[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
    r[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[4 + i], 0x88);
    t[4 + i] = _mm512_shuffle_i32x4(r[i], r[4 + i], 0xDD);
    t[8 + i] = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0x88);
    t[12 + i] = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0xDD);
  }
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0x88);
    r[8 + i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0xDD);
    r[4 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0x88);
    r[12 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0xDD);
  }
}

/// The exact sum of 16 results from the sums of their digits, lowest first, rounded once to float32.
template <int kDigits>
W8A16_AVX512_INLINE __m512 CombineDigits(const __m512i* sums) {
  __m512i low = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(sums[0]));
  __m512i high = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(sums[0], 1));
  for (int d = 1; d < kDigits; ++d) {
    const __m512i l = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(sums[d]));
    const __m512i h = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(sums[d], 1));
    low = _mm512_add_epi64(low, _mm512_slli_epi64(l, static_cast<unsigned>(8 * d)));
    high = _mm512_add_epi64(high, _mm512_slli_epi64(h, static_cast<unsigned>(8 * d)));
  }
  return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtepi64_ps(low)), _mm512_cvtepi64_ps(high), 1);
}

/// t = S * (x_scale * scale) * post, where S == 0 gives `zero`: -0 where a bias follows (so that adding it gives the
/// bias itself, whatever its sign), +0 where none does. post is 2^-100 for rows that were scaled up, else 1 (exact).
W8A16_AVX512_INLINE __m512 ScaleSums(__m512 sums, __m512 x_scale, __m512 scale, __m512 post, __m512 zero) {
  const __mmask16 none = _mm512_cmp_ps_mask(sums, _mm512_setzero_ps(), _CMP_EQ_OQ);
  const __m512 t = _mm512_mul_ps(_mm512_mul_ps(sums, _mm512_mul_ps(x_scale, scale)), post);
  return _mm512_mask_mov_ps(t, none, zero);
}

}  // namespace w8a16::avx512
