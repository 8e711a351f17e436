#include "cli/machine.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/isa.h"
#include "base/parallel.h"
#include "cli/median.h"
#include "kernels/peak.h"

namespace w8a16 {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// The compiler cuts it into what the target has.
using Vector = uint64_t __attribute__((vector_size(64)));

#if defined(__x86_64__) && defined(__linux__)
#define W8A16_WIDEST_TARGET __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define W8A16_WIDEST_TARGET
#endif

// Four streams, as one is bound by the latency of a single prefetcher.
W8A16_WIDEST_TARGET uint64_t ReadAll(const std::byte* data, size_t bytes) {
  const size_t count = bytes / sizeof(Vector) / 4;
  const auto* v = reinterpret_cast<const Vector*>(data);
  Vector s0 = {};
  Vector s1 = {};
  Vector s2 = {};
  Vector s3 = {};
  for (size_t i = 0; i < count; ++i) {
    s0 ^= v[i];
    s1 ^= v[i + count];
    s2 ^= v[i + 2 * count];
    s3 ^= v[i + 3 * count];
  }
  const Vector all = s0 ^ s1 ^ s2 ^ s3;
  return all[0] ^ all[1] ^ all[2] ^ all[3] ^ all[4] ^ all[5] ^ all[6] ^ all[7];
}

// fn(begin, bytes) by all threads, each on its share.
template <class Fn>
void ShareOut(AlignedBuffer& buffer, Fn fn) {
  Parallel(MaxThreads(), [&](int worker, int workers) {
    const Range range = Share(static_cast<int64_t>(buffer.size()), 4096, worker, workers);
    fn(buffer.data() + range.begin, static_cast<size_t>(range.end - range.begin));
  });
}

double PeakFlops() {
  const Isa isa = ActiveIsa();
  std::atomic<double> sum{0};
  Parallel(MaxThreads(), [&](int /*worker*/, int /*workers*/) {
    const double mine = 2 * PeakMultiplyAdds(isa, 0.01);
    double old = sum;
    while (!sum.compare_exchange_weak(old, old + mine)) {
    }
  });
  return sum;
}

}  // namespace

MachineProbe::MachineProbe() {
  constexpr int64_t kMega = int64_t{1} << 20;
  const int64_t cache = std::max<int64_t>(0, sysconf(_SC_LEVEL3_CACHE_SIZE));
  buffer_ = AlignedBuffer(static_cast<size_t>(std::clamp(8 * cache, 512 * kMega, 2048 * kMega)));
  // Pages never written all map to one page of zeros.
  ShareOut(buffer_, [](std::byte* begin, size_t size) { std::memset(begin, 1, size); });
}

void MachineProbe::Sample() {
  std::atomic<uint64_t> sink{0};
  const Clock::time_point start = Clock::now();
  ShareOut(buffer_, [&](const std::byte* begin, size_t size) { sink ^= ReadAll(begin, size); });
  read_.push_back(static_cast<double>(buffer_.size()) / SecondsSince(start));
  flops_.push_back(PeakFlops());
}

MachineLimits MachineProbe::Median(size_t first) const {
  const auto from = static_cast<std::ptrdiff_t>(first);
  return {w8a16::Median({read_.begin() + from, read_.end()}), w8a16::Median({flops_.begin() + from, flops_.end()})};
}

MachineLimits MeasureMachine() {
  MachineProbe probe;
  const Clock::time_point begin = Clock::now();
  while (probe.samples() < 5 || (SecondsSince(begin) < 0.5 && probe.samples() < 21)) probe.Sample();
  return probe.Median();
}

}  // namespace w8a16
