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

double ReadBandwidth() {
  constexpr int64_t kMega = int64_t{1} << 20;
  const int64_t cache = std::max<int64_t>(0, sysconf(_SC_LEVEL3_CACHE_SIZE));
  const int64_t bytes = std::clamp(8 * cache, 512 * kMega, 2048 * kMega);
  AlignedBuffer buffer(static_cast<size_t>(bytes));
  std::atomic<uint64_t> sink{0};
  const int threads = MaxThreads();
  const auto pass = [&](bool write) {
    Parallel(threads, [&](int worker, int workers) {
      const Range range = Share(bytes, 4096, worker, workers);
      std::byte* begin = buffer.data() + range.begin;
      const auto size = static_cast<size_t>(range.end - range.begin);
      // Pages never written all map to one page of zeros.
      if (write) std::memset(begin, worker + 1, size);
      sink ^= ReadAll(begin, size);
    });
  };
  pass(true);
  // The median, as of the calls that are compared with it: memory that is shared with others swings by half.
  std::vector<double> seconds;
  const Clock::time_point begin = Clock::now();
  while (seconds.size() < 5 || (SecondsSince(begin) < 0.5 && seconds.size() < 21)) {
    const Clock::time_point start = Clock::now();
    pass(false);
    seconds.push_back(SecondsSince(start));
  }
  std::nth_element(seconds.begin(), seconds.begin() + static_cast<int64_t>(seconds.size() / 2), seconds.end());
  return static_cast<double>(bytes) / seconds[seconds.size() / 2];
}

double PeakFlops() {
  const Isa isa = ActiveIsa();
  std::atomic<double> sum{0};
  Parallel(MaxThreads(), [&](int /*worker*/, int /*workers*/) {
    const double mine = 2 * PeakMultiplyAdds(isa, 0.3);
    double old = sum;
    while (!sum.compare_exchange_weak(old, old + mine)) {
    }
  });
  return sum;
}

}  // namespace

MachineLimits MeasureMachine() { return {ReadBandwidth(), PeakFlops()}; }

}  // namespace w8a16
