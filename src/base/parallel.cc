#include "base/parallel.h"

#include <omp.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <fstream>
#include <set>
#include <string>
#include <utility>

#include "base/float_env.h"

namespace w8a16 {
namespace {

// Workers of the innermost Parallel that this thread runs in. OpenMP's barrier would bind to the caller's own parallel
// region where Parallel is a plain call.
thread_local int g_workers = 1;

class WorkersScope {
 public:
  explicit WorkersScope(int workers) : outer_(std::exchange(g_workers, workers)) {}
  ~WorkersScope() { g_workers = outer_; }
  WorkersScope(const WorkersScope&) = delete;
  WorkersScope& operator=(const WorkersScope&) = delete;

 private:
  int outer_;
};

}  // namespace

int MaxThreads() { return omp_in_parallel() != 0 ? 1 : std::max(1, omp_get_max_threads()); }

void SetMaxThreads(int threads) { omp_set_num_threads(std::max(1, threads)); }

int PhysicalCores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return std::max(1, omp_get_num_procs());
  // Hyper-threads of one core list the same siblings.
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
    std::string siblings;
    if (!std::getline(file, siblings)) siblings = "cpu" + std::to_string(cpu);
    cores.insert(siblings);
  }
  return std::max<int>(1, static_cast<int>(cores.size()));
}

void Parallel(int workers, FunctionRef<void(int worker, int workers)> fn) {
  if (workers <= 1) {
    const DefaultFloatEnv env;
    const WorkersScope scope(1);
    fn(0, 1);
    return;
  }
  std::exception_ptr error;
#pragma omp parallel num_threads(workers)
  {
    const DefaultFloatEnv env;
    const WorkersScope scope(omp_get_num_threads());
    try {
      fn(omp_get_thread_num(), omp_get_num_threads());
    } catch (...) {
#pragma omp critical(w8a16_parallel_error)
      error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

void Barrier() {
  if (g_workers <= 1) return;
#pragma omp barrier
}

Range Share(int64_t count, int64_t align, int worker, int workers) {
  const int64_t units = (count + align - 1) / align;
  const int64_t begin = units * worker / workers * align;
  const int64_t end = units * (worker + 1) / workers * align;
  return {std::min(begin, count), std::min(end, count)};
}

void ParallelFor(int64_t count, int64_t grain, int64_t align, FunctionRef<void(int64_t begin, int64_t end)> fn) {
  if (count <= 0) return;
  const int64_t pieces = std::max<int64_t>(1, count / std::max<int64_t>(1, grain));
  const int workers = static_cast<int>(std::min<int64_t>(MaxThreads(), pieces));
  Parallel(workers, [&](int worker, int actual) {
    const Range range = Share(count, align, worker, actual);
    if (range.begin < range.end) fn(range.begin, range.end);
  });
}

void ParallelTasks(int64_t tasks, int workers, FunctionRef<void(int64_t task, int worker)> fn) {
  std::atomic<int64_t> next{0};
  Parallel(static_cast<int>(std::min<int64_t>(workers, tasks)), [&](int worker, int /*workers*/) {
    for (int64_t task = next++; task < tasks; task = next++) fn(task, worker);
  });
}

}  // namespace w8a16
