#include "checkpoint/atomic_file.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "testing/files.h"

namespace w8a16 {
namespace {

using testing::ExpectError;
using testing::Listing;
using testing::TempDir;

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(AtomicFile, AppearsWhenCommitted) {
  const TempDir dir;
  AtomicFile file(dir / "f");
  file.WriteAt(2, "cd", 2);
  file.WriteAt(0, "ab", 2);
  EXPECT_THAT(Listing(dir.path()), ElementsAre("f.partial"));
  file.Commit();
  EXPECT_THAT(Listing(dir.path()), ElementsAre("f"));
  EXPECT_EQ(ReadTextFile(dir / "f"), "abcd");
}

TEST(AtomicFile, LeavesNothingBehindWithoutCommit) {
  const TempDir dir;
  { AtomicFile(dir / "f").WriteAt(0, "ab", 2); }
  EXPECT_THAT(Listing(dir.path()), IsEmpty());
}

TEST(AtomicFile, KeepsItsTemporaryNameWhenOnlySynced) {
  const TempDir dir;
  {
    AtomicFile file(dir / "f");
    file.WriteAt(0, "ab", 2);
    file.Sync();
    EXPECT_EQ(ReadTextFile(dir / "f.partial"), "ab");
    EXPECT_THAT(Listing(dir.path()), ElementsAre("f.partial"));
  }
  EXPECT_THAT(Listing(dir.path()), IsEmpty());
}

TEST(AtomicFile, KeepsTheFormerFileUntilCommitted) {
  const TempDir dir;
  WriteTextFile(dir / "f", "old");
  { AtomicFile(dir / "f").WriteAt(0, "new", 3); }
  EXPECT_EQ(ReadTextFile(dir / "f"), "old");
  WriteTextFile(dir / "f", "n");
  EXPECT_EQ(ReadTextFile(dir / "f"), "n");
}

TEST(AtomicFile, NeverWritesThroughALinkThatHasTheTemporaryName) {
  const TempDir dir;
  WriteTextFile(dir / "victim", "safe");
  std::filesystem::create_symlink("victim", dir / "f.partial");
  WriteTextFile(dir / "f", "data");
  EXPECT_EQ(ReadTextFile(dir / "victim"), "safe");
  EXPECT_THAT(Listing(dir.path()), ElementsAre("f", "victim"));
}

TEST(AtomicFile, HasTheModeThatUmaskLeaves) {
  const TempDir dir;
  const mode_t former = umask(027);
  WriteTextFile(dir / "f", "x");
  umask(former);
  struct stat status {};
  ASSERT_EQ(stat((dir / "f").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640U);
}

TEST(AtomicFile, NamesAMissingDirectory) {
  const TempDir dir;
  ExpectError([&] { AtomicFile(dir / "none" / "f"); }, {"cannot write", "none/f", "No such file"});
}

TEST(AtomicFile, RefusesToReplaceADirectory) {
  const TempDir dir;
  std::filesystem::create_directory(dir / "f");
  ExpectError([&] { WriteTextFile(dir / "f", "x"); }, {"cannot write", "Is a directory"});
  EXPECT_THAT(Listing(dir.path()), ElementsAre("f"));
}

TEST(AtomicFile, ReservesSpaceWithoutChangingTheFile) {
  const TempDir dir;
  AtomicFile file(dir / "f");
  file.Reserve(100'000);
  file.WriteAt(0, "ab", 2);
  file.Commit();
  EXPECT_EQ(ReadTextFile(dir / "f"), "ab");
}

TEST(AtomicFile, SaysWhenItReservesThatNoRoomIsLeft) {
  const TempDir dir;
  const uint64_t disk = std::filesystem::space(dir.path()).capacity;
  ExpectError([&] { AtomicFile(dir / "f").Reserve(disk + 1); },
              {"cannot write", "/f: No space left on device: " + std::to_string(disk + 1) + " bytes are needed, ",
               " are available"});
  EXPECT_THAT(Listing(dir.path()), IsEmpty());
}

TEST(AtomicFile, SaysThatNoRoomIsLeftAndLeavesNothing) {
  // A limit on file sizes stands for a full disk: write fails half way in the same manner.
  const TempDir dir;
  rlimit former{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &former), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{10'000, former.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  ExpectError([&] { WriteTextFile(dir / "f", std::string(100'000, 'x')); }, {"cannot write", "/f: File too large"});
  setrlimit(RLIMIT_FSIZE, &former);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(Listing(dir.path()), IsEmpty());
}

}  // namespace
}  // namespace w8a16
