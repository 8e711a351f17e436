// What the AMX kernels share. Functions carry their target, so that a file that includes this header is compiled for
// the baseline otherwise. They are that file's own: tests compile the same text with the instructions computed by plain
// code.

#pragma once

#include <immintrin.h>

#include <cstdint>

namespace w8a16 {
namespace {

// GCC's tile instructions do not tell the compiler which memory they read or write: this does.
inline void TileMemoryBarrier() { asm volatile("" : : : "memory"); }

/// The tile registers' shapes while it lives. A caller that uses tiles itself finds its own shapes again afterwards
/// (tile contents are lost over any call, as the calling convention says).
class TileShapes {
 public:
  __attribute__((target("amx-tile"))) TileShapes() {
    _tile_storeconfig(&saved_);
    TileMemoryBarrier();
  }
  __attribute__((target("amx-tile"))) ~TileShapes() {
    TileMemoryBarrier();
    if (saved_.palette == 0) {
      _tile_release();
    } else {
      _tile_loadconfig(&saved_);
    }
  }
  TileShapes(const TileShapes&) = delete;
  TileShapes& operator=(const TileShapes&) = delete;

  /// Tiles [0, count) get `rows` rows and the others 16; all have rows of 64 bytes.
  __attribute__((target("amx-tile"))) void Set(int count, int64_t rows) {
    if (count == count_ && rows == rows_) return;
    count_ = count;
    rows_ = rows;
    alignas(64) Config config = {};
    config.palette = 1;
    for (int t = 0; t < 8; ++t) {
      config.bytes_per_row[t] = 64;
      config.rows[t] = static_cast<uint8_t>(t < count ? rows : 16);
    }
    TileMemoryBarrier();
    _tile_loadconfig(&config);
    TileMemoryBarrier();
  }

 private:
  struct Config {
    uint8_t palette;
    uint8_t start_row;
    uint8_t reserved[14];
    uint16_t bytes_per_row[16];
    uint8_t rows[16];
  };
  alignas(64) Config saved_;
  int count_ = -1;
  int64_t rows_ = 0;
};

}  // namespace
}  // namespace w8a16
