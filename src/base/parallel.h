#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace w8a16 {

/// A reference to a callable that outlives the call it is passed to; costs no allocation.
template <class Signature>
class FunctionRef;
template <class R, class... Args>
class FunctionRef<R(Args...)> {
 public:
  template <class F, class = std::enable_if_t<!std::is_same_v<std::decay_t<F>, FunctionRef>>>
  FunctionRef(F&& f)  // NOLINT(google-explicit-constructor)
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))), call_([](void* o, Args... args) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(o))(static_cast<Args>(args)...);
        }) {}
  R operator()(Args... args) const { return call_(object_, static_cast<Args>(args)...); }

 private:
  void* object_;
  R (*call_)(void*, Args...);
};

/// Threads that parallel code may use now (OpenMP's number, which LibTorch shares). At least 1; 1 inside a parallel
/// region.
int MaxThreads();
/// Sets MaxThreads for this process. `threads` >= 1.
void SetMaxThreads(int threads);
/// Physical cores this process may run on.
int PhysicalCores();

/// Runs fn(worker, workers) once on each of `workers` threads and waits for all. With one worker it is a plain call.
/// Each worker has the default rounding and denormal mode while fn runs and its own back afterwards. An exception
/// thrown by fn is rethrown here after all workers ended. Workers may meet inside at Barrier().
void Parallel(int workers, FunctionRef<void(int worker, int workers)> fn);

/// Inside Parallel: waits until every worker has come here.
void Barrier();

/// Cuts [0, count) into at most MaxThreads() contiguous ranges of at least `grain` items (the last may be smaller),
/// multiples of `align`, and runs fn(begin, end) on each side by side.
void ParallelFor(int64_t count, int64_t grain, int64_t align, FunctionRef<void(int64_t begin, int64_t end)> fn);

/// Runs fn(task, worker) for every task in [0, tasks) on `workers` threads; each worker takes the next task when it is
/// done with one, in rising order. For tasks of unequal size.
void ParallelTasks(int64_t tasks, int workers, FunctionRef<void(int64_t task, int worker)> fn);

/// The share of worker `worker` of `workers` in [0, count), in multiples of `align`.
struct Range {
  int64_t begin;
  int64_t end;
};
Range Share(int64_t count, int64_t align, int worker, int workers);

}  // namespace w8a16
