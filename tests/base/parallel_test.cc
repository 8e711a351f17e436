#include "base/parallel.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "w8a16/error.h"

namespace w8a16 {
namespace {

// OpenMP's number of threads belongs to the process: each test puts it back.
class ParallelTest : public ::testing::Test {
 protected:
  ~ParallelTest() override { SetMaxThreads(before_); }

 private:
  int before_ = MaxThreads();
};

TEST_F(ParallelTest, RunsEachWorkerOnce) {
  for (int workers : {1, 2, 3, 7}) {
    std::vector<std::atomic<int>> calls(static_cast<size_t>(workers));
    Parallel(workers, [&](int worker, int actual) {
      EXPECT_EQ(actual, workers);
      ++calls[static_cast<size_t>(worker)];
    });
    for (const std::atomic<int>& count : calls) EXPECT_EQ(count, 1);
  }
}

TEST_F(ParallelTest, AnExceptionComesOutAfterAllWorkersEnded) {
  for (int workers : {1, 4}) {
    std::atomic<int> ended{0};
    try {
      Parallel(workers, [&](int worker, int actual) {
        if (worker == actual - 1) throw Error("from a worker");
        ++ended;
      });
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_STREQ(error.what(), "from a worker");
    }
    EXPECT_EQ(ended, workers - 1);
  }
  std::atomic<int> calls{0};
  Parallel(4, [&](int, int) { ++calls; });
  EXPECT_EQ(calls, 4) << "usable afterwards";
}

TEST_F(ParallelTest, WorkersMeetAtTheBarrier) {
  constexpr int kWorkers = 4;
  std::array<std::atomic<int>, kWorkers> arrived{};
  std::atomic<int> early{0};
  Parallel(kWorkers, [&](int worker, int workers) {
    for (int round = 1; round <= 50; ++round) {
      arrived[static_cast<size_t>(worker)] = round;
      Barrier();
      for (int other = 0; other < workers; ++other) {
        if (arrived[static_cast<size_t>(other)] < round) ++early;
      }
      Barrier();
    }
  });
  EXPECT_EQ(early, 0);
}

// A caller may use the library inside a parallel region of its own; its threads need not all do so.
TEST_F(ParallelTest, TheBarrierOfANestedCallIsItsOwn) {
  SetMaxThreads(4);
  std::atomic<int> inner{0};
  const auto nested = [&] {
    EXPECT_EQ(MaxThreads(), 1);
    Parallel(MaxThreads(), [&](int, int workers) {
      EXPECT_EQ(workers, 1);
      Barrier();
      ++inner;
    });
  };
#pragma omp parallel num_threads(4)
  {
    if (omp_get_thread_num() == 1) nested();
  }
  EXPECT_EQ(inner, 1);
  std::atomic<int> met{0};
  Parallel(3, [&](int worker, int) {
    if (worker == 0) nested();
    ++met;
    Barrier();
    EXPECT_EQ(met, 3) << "the outer barrier works after the nested call";
  });
  EXPECT_EQ(inner, 2);
  Barrier();
}

TEST_F(ParallelTest, SharesCoverEverythingOnceAndStayAligned) {
  for (int64_t count : {0, 1, 5, 16, 17, 64, 1000, 1001}) {
    for (int64_t align : {1, 4, 16, 64}) {
      for (int workers : {1, 2, 3, 7, 64}) {
        int64_t next = 0;
        int64_t largest = 0;
        int64_t smallest = count;
        for (int worker = 0; worker < workers; ++worker) {
          const Range range = Share(count, align, worker, workers);
          ASSERT_EQ(range.begin, next);
          ASSERT_LE(range.begin, range.end);
          ASSERT_TRUE(range.begin % align == 0 || range.begin == count);
          next = range.end;
          largest = std::max(largest, range.end - range.begin);
          smallest = std::min(smallest, range.end - range.begin);
        }
        ASSERT_EQ(next, count);
        ASSERT_LE(largest - smallest, 2 * align - 1) << "shares differ by one unit and the last one's rest";
      }
    }
  }
}

TEST_F(ParallelTest, ParallelForCoversEverythingOnce) {
  for (int threads : {1, 2, 5}) {
    SetMaxThreads(threads);
    for (int64_t count : {-1, 0, 1, 2, 63, 64, 65, 1000}) {
      for (int64_t grain : {0, 1, 10, 5000}) {
        for (int64_t align : {1, 16}) {
          std::vector<std::atomic<int>> seen(static_cast<size_t>(std::max<int64_t>(count, 0)));
          std::atomic<int> ranges{0};
          ParallelFor(count, grain, align, [&](int64_t begin, int64_t end) {
            ++ranges;
            EXPECT_LT(begin, end);
            EXPECT_EQ(begin % align, 0);
            for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
          });
          for (const std::atomic<int>& n : seen) ASSERT_EQ(n, 1);
          EXPECT_LE(ranges, threads);
          if (count > 0 && grain > 0) {
            EXPECT_LE(ranges, std::max<int64_t>(1, count / grain));
          }
        }
      }
    }
  }
}

TEST_F(ParallelTest, ParallelForMayBeNested) {
  SetMaxThreads(3);
  std::atomic<int64_t> sum{0};
  ParallelFor(30, 1, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      ParallelFor(10, 1, 1, [&](int64_t b, int64_t e) { sum += e - b; });
    }
  });
  EXPECT_EQ(sum, 300);
}

TEST_F(ParallelTest, TasksRunOnceEach) {
  for (int workers : {1, 2, 4}) {
    for (int64_t tasks : {0, 1, 3, 100}) {
      std::vector<std::atomic<int>> seen(static_cast<size_t>(tasks));
      ParallelTasks(tasks, workers, [&](int64_t task, int worker) {
        EXPECT_GE(worker, 0);
        EXPECT_LT(worker, workers);
        ++seen[static_cast<size_t>(task)];
      });
      for (const std::atomic<int>& n : seen) EXPECT_EQ(n, 1);
    }
  }
}

TEST_F(ParallelTest, TasksRethrow) {
  EXPECT_THROW(ParallelTasks(20, 3,
                             [](int64_t task, int) {
                               if (task == 7) throw Error("task 7");
                             }),
               Error);
}

TEST_F(ParallelTest, NumbersOfThreads) {
  SetMaxThreads(3);
  EXPECT_EQ(MaxThreads(), 3);
  SetMaxThreads(0);
  EXPECT_EQ(MaxThreads(), 1);
  EXPECT_GE(PhysicalCores(), 1);
  EXPECT_LE(PhysicalCores(), omp_get_num_procs());
}

}  // namespace
}  // namespace w8a16
