#include "text/stop_strings.h"

#include <gtest/gtest.h>

namespace w8a16 {
namespace {

TEST(StopStrings, WithholdsWhatMayBeTheBeginning) {
  StopStrings stop({"END", "NEVER"});
  EXPECT_EQ(stop.Push("the "), "the ");
  EXPECT_EQ(stop.Push("E"), "");
  EXPECT_EQ(stop.Push("N"), "");  // both may begin here
  EXPECT_EQ(stop.Push("O"), "ENO");
  EXPECT_EQ(stop.Push("xEN"), "x");
  EXPECT_FALSE(stop.stopped());
  EXPECT_EQ(stop.Push("Dy"), "");
  EXPECT_TRUE(stop.stopped());
  EXPECT_EQ(stop.Push("more"), "");
  EXPECT_EQ(stop.Finish(), "");
}

TEST(StopStrings, TheEarliestEndsTheText) {
  StopStrings stop({"cd", "bcd", "x"});
  EXPECT_EQ(stop.Push("abcdx"), "a");
  EXPECT_TRUE(stop.stopped());
}

TEST(StopStrings, OverlapsWithItself) {
  StopStrings stop({"aab"});
  EXPECT_EQ(stop.Push("a"), "");
  EXPECT_EQ(stop.Push("a"), "");
  EXPECT_EQ(stop.Push("a"), "a");
  EXPECT_EQ(stop.Push("b"), "");
  EXPECT_TRUE(stop.stopped());
}

TEST(StopStrings, TheEndGivesBackWhatWasWithheld) {
  StopStrings stop({"\n\n"});
  EXPECT_EQ(stop.Push("text\n"), "text");
  EXPECT_EQ(stop.Finish(), "\n");
  EXPECT_FALSE(stop.stopped());
}

TEST(StopStrings, NoneWithholdsNothing) {
  StopStrings stop({});
  EXPECT_EQ(stop.Push("abc"), "abc");
  EXPECT_EQ(stop.Finish(), "");
}

}  // namespace
}  // namespace w8a16
