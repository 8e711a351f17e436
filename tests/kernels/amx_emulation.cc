#include "kernels/amx_emulation.h"

#include "base/isa.h"
#include "w8a16/dtype.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace {

// The architectural state: shapes (palette 1) and eight tiles. As the manual describes the instructions; anything that
// would fault there aborts here.
struct TileConfig {
  uint8_t palette;
  uint8_t start_row;
  uint8_t reserved[14];
  uint16_t bytes_per_row[16];
  uint8_t rows[16];
};
static_assert(sizeof(TileConfig) == 64);

TileConfig g_config = {};
uint8_t g_tiles[8][16][64];

void Require(bool condition) {
  if (!condition) std::abort();
}

void LoadConfig(const void* from) {
  std::memcpy(&g_config, from, sizeof(g_config));
  Require(g_config.palette <= 1);
  for (int t = 0; t < 8; ++t) {
    Require(g_config.palette == 0 || (g_config.rows[t] >= 1 && g_config.rows[t] <= 16));
    Require(g_config.bytes_per_row[t] <= 64);
  }
  std::memset(g_tiles, 0, sizeof(g_tiles));
}

void StoreConfig(void* to) { std::memcpy(to, &g_config, sizeof(g_config)); }

void Release() { g_config = {}; }

void Zero(int tile) {
  Require(g_config.palette == 1);
  std::memset(g_tiles[tile], 0, sizeof(g_tiles[tile]));
}

void Load(int tile, const void* from, int64_t stride) {
  Require(g_config.palette == 1);
  std::memset(g_tiles[tile], 0, sizeof(g_tiles[tile]));
  for (int r = 0; r < g_config.rows[tile]; ++r) {
    std::memcpy(g_tiles[tile][r], static_cast<const uint8_t*>(from) + r * stride, g_config.bytes_per_row[tile]);
  }
}

void Store(int tile, void* to, int64_t stride) {
  Require(g_config.palette == 1);
  for (int r = 0; r < g_config.rows[tile]; ++r) {
    std::memcpy(static_cast<uint8_t*>(to) + r * stride, g_tiles[tile][r], g_config.bytes_per_row[tile]);
  }
}

// c[m][n] += sum over groups k of four bytes of product(a[m][4 k ...], b[k][4 n ...]).
template <class Sum, class Product>
void AddProducts(int c, int a, int b, Product product) {
  Require(g_config.palette == 1 && c != a && c != b && a != b);
  Require(g_config.rows[c] == g_config.rows[a] && g_config.bytes_per_row[c] == g_config.bytes_per_row[b]);
  Require(g_config.bytes_per_row[a] / 4 == g_config.rows[b]);
  for (int m = 0; m < g_config.rows[c]; ++m) {
    Sum sums[16];
    std::memcpy(sums, g_tiles[c][m], sizeof(sums));
    for (int k = 0; k < g_config.rows[b]; ++k) {
      for (int n = 0; n < g_config.bytes_per_row[c] / 4; ++n) {
        sums[n] += product(&g_tiles[a][m][4 * k], &g_tiles[b][k][4 * n]);
      }
    }
    std::memcpy(g_tiles[c][m], sums, sizeof(sums));
  }
}

// Four products of bytes.
template <class A>
void Dot(int c, int a, int b) {
  AddProducts<int32_t>(c, a, b, [](const uint8_t* x, const uint8_t* y) {
    int32_t sum = 0;
    for (int i = 0; i < 4; ++i) sum += static_cast<A>(x[i]) * static_cast<int8_t>(y[i]);
    return sum;
  });
}

// Two products of bf16 numbers.
void DotBf16(int c, int a, int b) {
  AddProducts<float>(c, a, b, [](const uint8_t* x, const uint8_t* y) {
    uint16_t xs[2];
    uint16_t ys[2];
    std::memcpy(xs, x, sizeof(xs));
    std::memcpy(ys, y, sizeof(ys));
    return w8a16::BF16ToFloat(xs[0]) * w8a16::BF16ToFloat(ys[0]) +
           w8a16::BF16ToFloat(xs[1]) * w8a16::BF16ToFloat(ys[1]);
  });
}

}  // namespace

#undef _tile_loadconfig
#undef _tile_storeconfig
#undef _tile_release
#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbssd
#undef _tile_dpbusd
#undef _tile_dpbf16ps
#define _tile_loadconfig LoadConfig
#define _tile_storeconfig StoreConfig
#define _tile_release Release
#define _tile_zero Zero
#define _tile_loadd Load
#define _tile_stored Store
#define _tile_dpbssd Dot<int8_t>
#define _tile_dpbusd Dot<uint8_t>
#define _tile_dpbf16ps DotBf16
#define AmxLinearKernel AmxLinearKernelOfPlainCode
#include "kernels/linear_amx.cc"  // NOLINT(bugprone-suspicious-include): the same text on other instructions
#undef AmxLinearKernel
#undef W8A16_TARGET
#define AmxBf16Product AmxBf16ProductOfPlainCode
#include "kernels/bf16_product_amx.cc"  // NOLINT(bugprone-suspicious-include)
#undef AmxBf16Product

namespace w8a16::testing {

const LinearKernel* EmulatedAmxKernel() {
  return WhyUnavailable(Isa::kAvx512Vnni).empty() ? AmxLinearKernelOfPlainCode() : nullptr;
}

Bf16ProductFn EmulatedAmxBf16Product() { return AmxBf16ProductOfPlainCode(); }

}  // namespace w8a16::testing

#else

namespace w8a16::testing {
const LinearKernel* EmulatedAmxKernel() { return nullptr; }
Bf16ProductFn EmulatedAmxBf16Product() { return nullptr; }
}  // namespace w8a16::testing

#endif
