#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace w8a16 {

/// Runs pieces of work in order on a thread of its own, so that writing goes on while the caller computes. At most
/// kDepth pieces wait and one runs. After a piece that throws no other is run.
class WorkQueue {
 public:
  /// Once Push has returned, all pieces but the last kUnfinished are done.
  static constexpr size_t kDepth = 2;
  static constexpr size_t kUnfinished = kDepth + 1;

  WorkQueue();
  /// Waits for the piece that runs; those that wait are dropped.
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  /// Waits while the queue is full. Throws what a piece threw.
  void Push(std::function<void()> piece);
  /// Waits until all pieces are done. Throws what one of them threw.
  void Drain();

 private:
  void Work();
  void RethrowFailure();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool running_ = false;
  bool stop_ = false;
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace w8a16
