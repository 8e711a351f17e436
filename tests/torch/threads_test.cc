// One pool of threads, PyTorch's. Each test runs in a process of its own: a pool that is there stays.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstdlib>
#include <filesystem>
#include <iterator>

#include "w8a16/torch.h"

namespace w8a16 {
namespace {

using torch::Tensor;

int64_t ThreadsOfThisProcess() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), std::filesystem::directory_iterator());
}

// Enough work for many threads.
void Forward() {
  const auto [q, scales] = quantize(torch::ones({512, 1024}));
  const torch::NoGradGuard no_grad;
  linear(torch::ones({64, 1024}), q, scales);
}

void Expect(int64_t threads, int64_t expected, const char* when) {
  if (threads == expected) return;
  std::cerr << threads << " threads instead of " << expected << " " << when << "\n";
  std::_Exit(1);
}

class ThreadsDeathTest : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(ThreadsDeathTest, OneIsOne) {
  EXPECT_EXIT(
      {
        at::set_num_threads(1);
        const int64_t before = ThreadsOfThisProcess();
        Forward();
        Expect(ThreadsOfThisProcess(), before, "after a forward with one");
        std::_Exit(0);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(ThreadsDeathTest, PyTorchsPoolIsUsed) {
  EXPECT_EXIT(
      {
        at::set_num_threads(2);
        const int64_t before = ThreadsOfThisProcess();
        Forward();
        Expect(ThreadsOfThisProcess(), before + 1, "after a forward with two");
        at::parallel_for(0, 2, 1, [](int64_t, int64_t) {});
        const Tensor product = torch::ones({2000, 2000}).exp();
        Expect(ThreadsOfThisProcess(), before + 1, "after PyTorch's own work");
        std::_Exit(product[0][0].item<float>() > 2 ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(ThreadsDeathTest, PoolsThatPyTorchMadeAreUsed) {
  EXPECT_EXIT(
      {
        at::set_num_threads(3);
        torch::ones({2000, 2000}).exp();
        const int64_t before = ThreadsOfThisProcess();
        Forward();
        Expect(ThreadsOfThisProcess(), before, "after a forward");
        std::_Exit(0);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace w8a16
