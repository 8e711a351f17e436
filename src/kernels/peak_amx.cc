// AMX int8 tiles: 16 x 16 sums of 64 products each. Two digits of x take two tile products.
#include "kernels/peak_probe.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace w8a16 {
namespace {

struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t bytes_per_row[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// Two weight tiles times two digit tiles, each loaded from L1 every time, as the kernel does at best.
__attribute__((target("amx-tile,amx-int8"))) void RunAmx(int64_t iterations, const PeakOperands& operands,
                                                         int32_t* sink) {
  const TileConfig config;
  ForgetMemory();
  _tile_loadconfig(&config);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  const int8_t* tiles = operands.bytes;
  for (int64_t i = 0; i < iterations; ++i) {
    ForgetMemory();
    _tile_loadd(4, tiles, 64);
    _tile_loadd(5, tiles + 1024, 64);
    _tile_loadd(6, tiles + 2048, 64);
    _tile_loadd(7, tiles + 3072, 64);
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
  }
  alignas(64) int32_t sums[256];
  _tile_stored(3, sums, 64);
  ForgetMemory();
  sink[0] = sums[0];
  _tile_release();
}

}  // namespace

PeakProbe AmxPeakProbe() { return {RunAmx, 4 * 16 * 16 * 64 / 2.0}; }

}  // namespace w8a16
#endif
