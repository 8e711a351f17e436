#include "base/isa.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <set>

#include "testing/isas.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

using ::testing::HasSubstr;

constexpr Isa kAll[] = {Isa::kAmx,  Isa::kAvx512Vnni, Isa::kAvx512,  Isa::kAvxVnni, Isa::kAvx2,
                        Isa::kSse4, Isa::kSve,        Isa::kNeonDot, Isa::kNeon,    Isa::kRef};

std::string MessageOf(const std::string& name) {
  try {
    SelectIsa(name);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Isa, NamesAreTheContract) {
  const std::vector<std::string> expected = {"amx",  "avx512vnni", "avx512",  "avxvnni", "avx2",
                                             "sse4", "sve",        "neondot", "neon",    "ref"};
  std::vector<std::string> names;
  for (Isa isa : kAll) names.emplace_back(IsaName(isa));
  EXPECT_EQ(names, expected);
}

TEST(Isa, AvailableOnesAreOrderedAndEndWithRef) {
  const std::vector<Isa>& available = AvailableIsas();
  ASSERT_FALSE(available.empty());
  EXPECT_EQ(available.back(), Isa::kRef);
  EXPECT_TRUE(std::is_sorted(available.begin(), available.end()));
  EXPECT_EQ(std::set<Isa>(available.begin(), available.end()).size(), available.size());
  for (Isa isa : kAll) {
    const bool listed = std::find(available.begin(), available.end(), isa) != available.end();
    EXPECT_EQ(WhyUnavailable(isa).empty(), listed) << IsaName(isa);
  }
}

TEST(Isa, TheEnvironmentOrElseTheBestIsInForce) {
  const char* forced = std::getenv("W8A16_ISA");
  EXPECT_STREQ(IsaName(ActiveIsa()), forced != nullptr ? forced : IsaName(AvailableIsas().front()));
}

TEST(Isa, SelectingSticks) {
  testing::ForEachIsa([] {
    const Isa isa = ActiveIsa();
    SelectIsa(IsaName(isa));
    EXPECT_EQ(ActiveIsa(), isa);
  });
}

TEST(Isa, UnknownNamesListWhatRunsHere) {
  for (const char* bad : {"", "AVX2", "avx1024", "ref "}) {
    const std::string message = MessageOf(bad);
    EXPECT_THAT(message, HasSubstr("unknown instruction set; use one of: "));
    for (Isa isa : AvailableIsas()) EXPECT_THAT(message, HasSubstr(IsaName(isa)));
  }
}

TEST(Isa, UnavailableOnesSayWhyAndChangeNothing) {
  const Isa before = ActiveIsa();
  for (Isa isa : kAll) {
    const std::string why = WhyUnavailable(isa);
    if (why.empty()) continue;
    EXPECT_THAT(MessageOf(IsaName(isa)), HasSubstr(why + "; use one of: "));
    EXPECT_THROW(SelectIsa(isa), Error);
  }
  EXPECT_EQ(ActiveIsa(), before);
}

[[noreturn]] void ReportActiveIsa(const char* variable) {
  setenv("W8A16_ISA", variable, 1);
  try {
    std::fprintf(stderr, "active: %s\n", IsaName(ActiveIsa()));
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    std::exit(1);
  }
  std::exit(0);
}

// A fresh process each, because the choice is made once.
TEST(IsaDeathTest, TheEnvironmentVariableChooses) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(ReportActiveIsa("ref"), ::testing::ExitedWithCode(0), "active: ref");
  EXPECT_EXIT(ReportActiveIsa(""), ::testing::ExitedWithCode(0),
              std::string("active: ") + IsaName(AvailableIsas().front()));
  EXPECT_EXIT(ReportActiveIsa("mmx"), ::testing::ExitedWithCode(1),
              "W8A16_ISA=mmx: unknown instruction set; use one of: .*ref");
#if defined(__x86_64__)
  EXPECT_EXIT(ReportActiveIsa("neon"), ::testing::ExitedWithCode(1), "W8A16_ISA=neon: not an instruction set of this");
#else
  EXPECT_EXIT(ReportActiveIsa("avx2"), ::testing::ExitedWithCode(1), "W8A16_ISA=avx2: not an instruction set of this");
#endif
}

}  // namespace
}  // namespace w8a16
