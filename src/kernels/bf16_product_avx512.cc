// Products of bf16 numbers by vdpbf16ps: 16 columns of b in a register, pairs of a broadcast.

#include "kernels/bf16_product.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstring>

#define W8A16_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))

namespace w8a16 {
namespace {

using Args = Bf16ProductArgs;

constexpr int kRows = 8;

W8A16_TARGET inline __attribute__((always_inline)) __m512bh Bf16(__m512i bits) {
  return reinterpret_cast<__m512bh>(bits);
}

// Eight rows and kColumns tiles of columns: the sums of two tiles keep both multipliers busy.
template <int kColumns>
W8A16_TARGET void RowBlock(const Args& args, const uint16_t* a, const uint16_t* b, float* c) {
  __m512 sums[kRows][kColumns];
#pragma GCC unroll 8
  for (auto& row : sums) {
#pragma GCC unroll 2
    for (__m512& sum : row) sum = _mm512_setzero_ps();
  }
  for (int64_t k = 0; k < args.k_tiles; ++k, a += 2 * Args::kDepth, b += Args::kTile) {
    for (int64_t pair = 0; pair < Args::kDepth / 2; ++pair) {
      __m512i columns[kColumns];
#pragma GCC unroll 2
      for (int64_t i = 0; i < kColumns; ++i) {
        columns[i] = _mm512_load_si512(b + i * args.b_stride + pair * 2 * Args::kColumns);
      }
#pragma GCC unroll 2
      for (int64_t term = 0; term < 2; ++term) {
#pragma GCC unroll 8
        for (int64_t r = 0; r < kRows; ++r) {
          int32_t two = 0;
          std::memcpy(&two, a + r * args.a_stride + term * Args::kDepth + 2 * pair, sizeof(two));
          const __m512i row = _mm512_set1_epi32(two);
#pragma GCC unroll 2
          for (int64_t i = 0; i < kColumns; ++i) {
            sums[r][i] = _mm512_dpbf16_ps(sums[r][i], Bf16(row), Bf16(columns[i]));
          }
        }
      }
    }
  }
#pragma GCC unroll 8
  for (int64_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int64_t i = 0; i < kColumns; ++i) _mm512_store_ps(c + r * args.c_stride + i * Args::kColumns, sums[r][i]);
  }
}

W8A16_TARGET void Product(const Args& args) {
  for (int64_t tile = 0; tile < args.column_tiles; tile += 2) {
    const uint16_t* b = args.b + tile * args.b_stride;
    float* c = args.c + tile * Args::kColumns;
    for (int64_t row = 0; row < args.rows; row += kRows) {
      const uint16_t* a = args.a + row * args.a_stride;
      if (tile + 1 < args.column_tiles) {
        RowBlock<2>(args, a, b, c + row * args.c_stride);
      } else {
        RowBlock<1>(args, a, b, c + row * args.c_stride);
      }
    }
  }
}

}  // namespace

Bf16ProductFn Avx512Bf16Product() { return Product; }

}  // namespace w8a16

#else

namespace w8a16 {
Bf16ProductFn Avx512Bf16Product() { return nullptr; }
}  // namespace w8a16

#endif
