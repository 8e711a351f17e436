// Products of bf16 numbers on AMX tiles.

#include "kernels/bf16_product.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/amx_tiles-inl.h"

#define W8A16_TARGET __attribute__((target("amx-tile,amx-bf16")))

namespace w8a16 {
namespace {

using Args = Bf16ProductArgs;

constexpr int64_t kLine = 64;  // bytes of a row of a tile

// Sums in tiles 0 to 3 (row tile, column tile), rows of a in 4 and 5, columns of b in 6 and 7.
template <bool kTwoRows, bool kTwoColumns>
W8A16_TARGET void Block(const Args& args, const uint16_t* a, const uint16_t* b, float* c) {
  const int64_t a_bytes = args.a_stride * static_cast<int64_t>(sizeof(*a));
  const int64_t c_bytes = args.c_stride * static_cast<int64_t>(sizeof(*c));
  const uint16_t* lower_a = a + Args::kRows * args.a_stride;
  const uint16_t* right_b = b + args.b_stride;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int64_t k = 0; k < args.k_tiles; ++k) {
    _tile_loadd(6, b + k * Args::kTile, kLine);
    if constexpr (kTwoColumns) _tile_loadd(7, right_b + k * Args::kTile, kLine);
    for (int64_t term = 0; term < 2; ++term) {
      const int64_t at = (2 * k + term) * Args::kDepth;
      _tile_loadd(4, a + at, a_bytes);
      _tile_dpbf16ps(0, 4, 6);
      if constexpr (kTwoColumns) _tile_dpbf16ps(1, 4, 7);
      if constexpr (kTwoRows) {
        _tile_loadd(5, lower_a + at, a_bytes);
        _tile_dpbf16ps(2, 5, 6);
        if constexpr (kTwoColumns) _tile_dpbf16ps(3, 5, 7);
      }
    }
  }
  _tile_stored(0, c, c_bytes);
  if constexpr (kTwoColumns) _tile_stored(1, c + Args::kColumns, c_bytes);
  if constexpr (kTwoRows) {
    _tile_stored(2, c + Args::kRows * args.c_stride, c_bytes);
    if constexpr (kTwoColumns) _tile_stored(3, c + Args::kRows * args.c_stride + Args::kColumns, c_bytes);
  }
}

W8A16_TARGET void Product(const Args& args) {
  TileShapes shapes;
  shapes.Set(0, 0);
  TileMemoryBarrier();
  for (int64_t row = 0; row < args.rows; row += 2 * Args::kRows) {
    const bool two_rows = row + Args::kRows < args.rows;
    for (int64_t tile = 0; tile < args.column_tiles; tile += 2) {
      const bool two_columns = tile + 1 < args.column_tiles;
      const auto block = two_rows ? (two_columns ? Block<true, true> : Block<true, false>)
                                  : (two_columns ? Block<false, true> : Block<false, false>);
      block(args, args.a + row * args.a_stride, args.b + tile * args.b_stride,
            args.c + row * args.c_stride + tile * Args::kColumns);
    }
  }
  TileMemoryBarrier();
}

}  // namespace

Bf16ProductFn AmxBf16Product() { return Product; }

}  // namespace w8a16

#else

namespace w8a16 {
Bf16ProductFn AmxBf16Product() { return nullptr; }
}  // namespace w8a16

#endif
