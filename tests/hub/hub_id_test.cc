#include "hub/hub_id.h"

#include <gtest/gtest.h>

namespace w8a16 {
namespace {

TEST(ParseHubId, TakesNamesAndRevisions) {
  const auto id = ParseHubId("TinyLlama/TinyLlama-1.1B-Chat-v1.0");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->repository, "TinyLlama/TinyLlama-1.1B-Chat-v1.0");
  EXPECT_EQ(id->revision, "main");
  EXPECT_EQ(ParseHubId("org/name@v1.0")->revision, "v1.0");
  EXPECT_EQ(ParseHubId("org/name@refs/pr/1")->revision, "refs/pr/1");
}

TEST(ParseHubId, LeavesPathsAlone) {
  for (const char* path :
       {"", "model", "/", "/org/name", "./name", "../name", "org/", "/name", "a/b/c", "org/name/", "org\\name",
        "org/na me", "~/name", "-org/name", "org--x/name", "org/a..b", "org/.name", "org/name\n"}) {
    EXPECT_FALSE(ParseHubId(path)) << path;
  }
}

TEST(ParseHubId, RefusesRevisionsThatLeaveTheFolder) {
  for (const char* revision :
       {"", "..", "../x", "a/../../b", "/a", "a/", "a//b", ".hidden", "a/.b", "-x", "a b", "a@b", "a\nb"}) {
    EXPECT_FALSE(ParseHubId(std::string("org/name@") + revision)) << revision;
  }
}

TEST(IsCommit, KnowsFortyDigits) {
  EXPECT_TRUE(IsCommit("0123456789abcdef0123456789abcdef01234567"));
  EXPECT_FALSE(IsCommit("0123456789ABCDEF0123456789abcdef01234567"));
  EXPECT_FALSE(IsCommit("main"));
}

}  // namespace
}  // namespace w8a16
