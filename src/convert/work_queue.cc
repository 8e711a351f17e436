#include "convert/work_queue.h"

#include <csignal>
#include <utility>

namespace w8a16 {

WorkQueue::WorkQueue() {
  // Signals are for the thread that looks at them.
  sigset_t all;
  sigset_t former;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &former);
  thread_ = std::thread([this] { Work(); });
  pthread_sigmask(SIG_SETMASK, &former, nullptr);
}

WorkQueue::~WorkQueue() {
  {
    const std::lock_guard lock(mutex_);
    waiting_.clear();
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void WorkQueue::Push(std::function<void()> piece) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_.size() < kDepth || failure_; });
  RethrowFailure();
  waiting_.push_back(std::move(piece));
  changed_.notify_all();
}

void WorkQueue::Drain() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return (waiting_.empty() && !running_) || failure_; });
  RethrowFailure();
}

void WorkQueue::RethrowFailure() {
  if (failure_) std::rethrow_exception(failure_);
}

void WorkQueue::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
    if (stop_) return;
    std::function<void()> piece = std::move(waiting_.front());
    waiting_.pop_front();
    running_ = true;
    lock.unlock();
    std::exception_ptr failure;
    try {
      piece();
      piece = nullptr;  // what it holds goes before anyone is told that it is done
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    running_ = false;
    if (failure) {
      failure_ = failure;
      waiting_.clear();
    }
    changed_.notify_all();
  }
}

}  // namespace w8a16
