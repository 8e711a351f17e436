#pragma once

#include <cstdint>

#include "base/isa.h"

namespace w8a16 {

/// Operands of the probes: vectors of at most 64 bytes, or four tiles of 1 KB.
struct alignas(64) PeakOperands {
  int8_t bytes[4096];
};

/// One instruction set's loop.
struct PeakProbe {
  /// Runs `iterations` of it and writes what depends on all products to `sink` (16 numbers).
  void (*run)(int64_t iterations, const PeakOperands& operands, int32_t* sink);
  double multiply_adds;  ///< per iteration, of two-digit x
};

/// Keeps a loop's loads from being moved out of it: the compiler must assume that memory changed.
inline void ForgetMemory() { asm volatile("" ::: "memory"); }

PeakProbe ScalarPeakProbe();
/// Products of 16-bit lanes: sse4, avx2, avx512 and neon.
PeakProbe WordPeakProbe(Isa isa);
#if defined(__x86_64__)
/// vpdpbusd, and the int8 tile product.
PeakProbe AvxVnniPeakProbe();
PeakProbe Avx512VnniPeakProbe();
PeakProbe AmxPeakProbe();
#elif defined(__aarch64__)
/// sdot.
PeakProbe NeonDotPeakProbe();
#endif

}  // namespace w8a16
