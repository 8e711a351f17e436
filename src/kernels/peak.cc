#include "kernels/peak.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "kernels/peak_probe.h"

namespace w8a16 {
namespace {

// Sixteen sums of its own so that additions do not wait for each other; plain C++, as the reference kernel is.
void RunScalar(int64_t iterations, const PeakOperands& operands, int32_t* sink) {
  std::array<int32_t, 16> sums = {};
  for (int64_t i = 0; i < iterations; ++i) {
    ForgetMemory();
    for (size_t j = 0; j < sums.size(); ++j) sums[j] += int32_t{operands.bytes[j]} * operands.bytes[64 + j];
  }
  std::copy(sums.begin(), sums.end(), sink);
}

PeakProbe ProbeFor(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAmx:
      return AmxPeakProbe();
    case Isa::kAvx512Vnni:
      return Avx512VnniPeakProbe();
    case Isa::kAvxVnni:
      return AvxVnniPeakProbe();
#elif defined(__aarch64__)
    case Isa::kSve:
      return WhyUnavailable(Isa::kNeonDot).empty() ? NeonDotPeakProbe() : WordPeakProbe(Isa::kNeon);
    case Isa::kNeonDot:
      return NeonDotPeakProbe();
#endif
    case Isa::kRef:
      return ScalarPeakProbe();
    default:
      return WordPeakProbe(isa);
  }
}

}  // namespace

PeakProbe ScalarPeakProbe() { return {RunScalar, 16}; }

double PeakMultiplyAdds(Isa isa, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  const PeakProbe probe = ProbeFor(isa);
  PeakOperands operands;
  for (size_t i = 0; i < sizeof(operands.bytes); ++i) operands.bytes[i] = static_cast<int8_t>(i % 7);
  std::array<int32_t, 16> sink = {};

  // Long enough for the clock, short enough that a slice fits between two interruptions.
  constexpr double kSlice = 2e-3;
  int64_t iterations = 1000;
  double best = 0;
  const Clock::time_point begin = Clock::now();
  while (since(begin) < seconds) {
    const Clock::time_point start = Clock::now();
    probe.run(iterations, operands, sink.data());
    const double elapsed = since(start);
    best = std::max(best, static_cast<double>(iterations) * probe.multiply_adds / elapsed);
    if (elapsed < kSlice) iterations *= 2;
  }
  return best;
}

}  // namespace w8a16
