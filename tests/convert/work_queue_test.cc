#include "convert/work_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <vector>

namespace w8a16 {
namespace {

TEST(WorkQueue, RunsPiecesInOrder) {
  std::vector<int> done;
  WorkQueue queue;
  for (int i = 0; i < 100; ++i) queue.Push([&done, i] { done.push_back(i); });
  queue.Drain();
  ASSERT_EQ(done.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(done[static_cast<size_t>(i)], i);
}

TEST(WorkQueue, LeavesNoMoreUnfinishedThanItSays) {
  std::atomic<int> done = 0;
  WorkQueue queue;
  for (int i = 0; i < 1000; ++i) {
    queue.Push([&done] { ++done; });
    EXPECT_GE(done, i + 1 - static_cast<int>(WorkQueue::kUnfinished));
  }
}

TEST(WorkQueue, PassesOnWhatAPieceThrowsAndRunsNoOther) {
  bool ran = false;
  WorkQueue queue;
  queue.Push([] { throw std::runtime_error("broken"); });
  EXPECT_THROW(
      {
        queue.Push([&ran] { ran = true; });
        queue.Drain();
      },
      std::runtime_error);
  EXPECT_THROW(queue.Push([&ran] { ran = true; }), std::runtime_error);
  EXPECT_THROW(queue.Drain(), std::runtime_error);
  EXPECT_FALSE(ran);
}

TEST(WorkQueue, LetsGoOfWhatPiecesHold) {
  const auto held = std::make_shared<int>(0);
  {
    WorkQueue queue;
    queue.Push([held] {});
    queue.Drain();
    EXPECT_EQ(held.use_count(), 1);
    queue.Push([held] { throw std::runtime_error("broken"); });
    EXPECT_THROW(queue.Drain(), std::runtime_error);
  }
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace w8a16
