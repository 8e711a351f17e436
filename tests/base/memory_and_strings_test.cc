#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <limits>

#include "base/aligned_buffer.h"
#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(AlignedBuffer, IsAlignedAndOnlyGrows) {
  AlignedBuffer buffer;
  EXPECT_EQ(buffer.data(), nullptr);
  EXPECT_EQ(buffer.size(), 0U);
  size_t largest = 0;
  for (size_t bytes : {1UL, 64UL, 65UL, 10UL, 5000UL, size_t{5} << 20, 4096UL}) {
    std::byte* data = buffer.Reserve(bytes);
    largest = std::max(largest, bytes);
    EXPECT_EQ(data, buffer.data());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % 64, 0U);
    EXPECT_GE(buffer.size(), largest);
    std::memset(data, 0x5A, buffer.size());
  }
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % (size_t{2} << 20), 0U) << "large buffers start on a huge page";
  std::byte* before = buffer.data();
  EXPECT_EQ(buffer.Reserve(100), before) << "smaller wishes keep the memory";
}

TEST(AlignedBuffer, Moves) {
  AlignedBuffer first(100);
  std::byte* data = first.data();
  AlignedBuffer second(std::move(first));
  EXPECT_EQ(second.data(), data);
  AlignedBuffer third(200);
  third = std::move(second);
  EXPECT_EQ(third.data(), data);
}

TEST(AlignedBuffer, TooMuchIsAnError) {
  AlignedBuffer buffer(64);
  // Sizes whose rounding to whole pages overflows; others depend on what the system's allocator thinks of them.
  for (size_t bytes : {std::numeric_limits<size_t>::max(), std::numeric_limits<size_t>::max() - 100}) {
    try {
      buffer.Reserve(bytes);
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("out of memory: " + std::to_string(bytes) + " bytes"));
    }
  }
  EXPECT_GE(buffer.size(), 64U) << "the buffer is as it was";
  buffer.data()[63] = std::byte{1};
}

TEST(Strings, StrCatAndJoin) {
  EXPECT_EQ(StrCat("a", 1, std::string("b"), 2.5, 'c', int64_t{-7}), "a1b2.5c-7");
  EXPECT_EQ(Join({}, ", "), "");
  EXPECT_EQ(Join({"one"}, ", "), "one");
  EXPECT_EQ(Join({"one", "", "three"}, "--"), "one----three");
}

TEST(Strings, NearMissesComeClosestFirst) {
  const std::vector<std::string> names = {"q_proj", "k_proj", "gate_proj", "lm_head", "q_prj"};
  EXPECT_THAT(NearMisses("q_proj", names, 10), ElementsAre("q_proj", "k_proj", "q_prj"));
  EXPECT_THAT(NearMisses("q_pro", names, 1), ElementsAre("q_proj"));
  EXPECT_THAT(NearMisses("lmhead", names, 3), ElementsAre("lm_head"));
  EXPECT_THAT(NearMisses("embedding", names, 3), IsEmpty());
  EXPECT_THAT(NearMisses("", names, 3), IsEmpty());
  EXPECT_THAT(NearMisses("q_proj", {}, 3), IsEmpty());
  EXPECT_THAT(NearMisses("q_proj", names, 0), IsEmpty());
}

}  // namespace
}  // namespace w8a16
