// vpdpbusd, which Highway 1.0.3 does not have. Two digits of x take two of them for one vector of weights.
#include "kernels/peak_probe.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace w8a16 {
namespace {

// Twelve sums, four vectors times three: two products a cycle with a latency of five need ten.
__attribute__((target("avx2,avxvnni"))) void RunAvxVnni(int64_t iterations, const PeakOperands& operands,
                                                        int32_t* sink) {
  const auto* v = reinterpret_cast<const __m256i*>(operands.bytes);
  __m256i s0 = _mm256_setzero_si256();
  __m256i s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0, s8 = s0, s9 = s0, s10 = s0, s11 = s0;
  for (int64_t i = 0; i < iterations; ++i) {
    ForgetMemory();
    const __m256i b0 = _mm256_load_si256(v + 0);
    const __m256i b1 = _mm256_load_si256(v + 1);
    const __m256i b2 = _mm256_load_si256(v + 2);
    const __m256i a0 = _mm256_load_si256(v + 3);
    s0 = _mm256_dpbusd_avx_epi32(s0, b0, a0);
    s1 = _mm256_dpbusd_avx_epi32(s1, b1, a0);
    s2 = _mm256_dpbusd_avx_epi32(s2, b2, a0);
    const __m256i a1 = _mm256_load_si256(v + 4);
    s3 = _mm256_dpbusd_avx_epi32(s3, b0, a1);
    s4 = _mm256_dpbusd_avx_epi32(s4, b1, a1);
    s5 = _mm256_dpbusd_avx_epi32(s5, b2, a1);
    const __m256i a2 = _mm256_load_si256(v + 5);
    s6 = _mm256_dpbusd_avx_epi32(s6, b0, a2);
    s7 = _mm256_dpbusd_avx_epi32(s7, b1, a2);
    s8 = _mm256_dpbusd_avx_epi32(s8, b2, a2);
    const __m256i a3 = _mm256_load_si256(v + 6);
    s9 = _mm256_dpbusd_avx_epi32(s9, b0, a3);
    s10 = _mm256_dpbusd_avx_epi32(s10, b1, a3);
    s11 = _mm256_dpbusd_avx_epi32(s11, b2, a3);
  }
  for (const __m256i s : {s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11}) s0 = _mm256_add_epi32(s0, s);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(sink), s0);
}

__attribute__((target("avx512f,avx512vnni"))) void RunAvx512Vnni(int64_t iterations, const PeakOperands& operands,
                                                                 int32_t* sink) {
  const auto* v = reinterpret_cast<const __m512i*>(operands.bytes);
  __m512i s0 = _mm512_setzero_si512();
  __m512i s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0, s8 = s0, s9 = s0, s10 = s0, s11 = s0;
  for (int64_t i = 0; i < iterations; ++i) {
    ForgetMemory();
    const __m512i b0 = _mm512_load_si512(v + 0);
    const __m512i b1 = _mm512_load_si512(v + 1);
    const __m512i b2 = _mm512_load_si512(v + 2);
    const __m512i a0 = _mm512_load_si512(v + 3);
    s0 = _mm512_dpbusd_epi32(s0, b0, a0);
    s1 = _mm512_dpbusd_epi32(s1, b1, a0);
    s2 = _mm512_dpbusd_epi32(s2, b2, a0);
    const __m512i a1 = _mm512_load_si512(v + 4);
    s3 = _mm512_dpbusd_epi32(s3, b0, a1);
    s4 = _mm512_dpbusd_epi32(s4, b1, a1);
    s5 = _mm512_dpbusd_epi32(s5, b2, a1);
    const __m512i a2 = _mm512_load_si512(v + 5);
    s6 = _mm512_dpbusd_epi32(s6, b0, a2);
    s7 = _mm512_dpbusd_epi32(s7, b1, a2);
    s8 = _mm512_dpbusd_epi32(s8, b2, a2);
    const __m512i a3 = _mm512_load_si512(v + 6);
    s9 = _mm512_dpbusd_epi32(s9, b0, a3);
    s10 = _mm512_dpbusd_epi32(s10, b1, a3);
    s11 = _mm512_dpbusd_epi32(s11, b2, a3);
  }
  for (const __m512i s : {s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11}) s0 = _mm512_add_epi32(s0, s);
  _mm512_storeu_si512(sink, s0);
}

}  // namespace

PeakProbe AvxVnniPeakProbe() { return {RunAvxVnni, 12 * 32 / 2.0}; }
PeakProbe Avx512VnniPeakProbe() { return {RunAvx512Vnni, 12 * 64 / 2.0}; }

}  // namespace w8a16
#endif
