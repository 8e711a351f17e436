#include "hub/digest.h"

#include <gtest/gtest.h>

namespace w8a16 {
namespace {

std::string Digest(size_t digits, const std::string& text) {
  FileDigest digest(std::string(digits, '0'), text.size());
  for (const char c : text) digest.Update(&c, 1);
  return digest.Finish();
}

TEST(FileDigest, IsThatOfGitForSmallFiles) {
  // git hash-object of an empty file and of "hello\n".
  EXPECT_EQ(Digest(40, ""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  EXPECT_EQ(Digest(40, "hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
}

TEST(FileDigest, IsSha256ForLargeFiles) {
  EXPECT_EQ(Digest(64, "abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(FileDigest, KnowsChecksums) {
  EXPECT_TRUE(FileDigest::IsChecksum(std::string(40, 'a')));
  EXPECT_TRUE(FileDigest::IsChecksum(std::string(64, '0')));
  for (const std::string& text :
       {std::string(), std::string(41, 'a'), std::string(40, 'g'), std::string(64, 'A'), std::string(38, 'a') + "/."}) {
    EXPECT_FALSE(FileDigest::IsChecksum(text)) << text;
  }
}

}  // namespace
}  // namespace w8a16
