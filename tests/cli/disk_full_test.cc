// A disk of its own that is too small: a tmpfs in a mount namespace.

#include "cli/command.h"

namespace w8a16::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class DiskFull : public ::testing::Test {
 protected:
  void SetUp() override {
    if (Run("size=1m", "true").exit_code != 0) {
      GTEST_SKIP() << "no tmpfs can be mounted in a namespace here (unshare -Urm)";
    }
  }

  // Runs shell commands where $DISK is a tmpfs made with these options; $W8A16 and $SRC are set, too.
  ProcessResult Run(const std::string& options, const std::string& script) {
    return RunProcess({"/usr/bin/unshare", "-Urm", "/bin/sh", "-c",
                       "set -e; mount -t tmpfs -o " + options + " tmpfs \"$DISK\"; " + script},
                      {"DISK=" + (scratch_ / "disk").string(), "W8A16=" W8A16_BINARY_DIR "/w8a16",
                       "SRC=" + model_.path(), "EXPECTED=" + (scratch_ / "whole").string()});
  }

  DiskFull() { std::filesystem::create_directory(scratch_ / "disk"); }

  TempDir scratch_;
  TinyModel model_;
};

TEST_F(DiskFull, IsNoticedBeforeAnythingIsWritten) {
  const ProcessResult result =
      Run("size=24k", "\"$W8A16\" quantize \"$SRC\" \"$DISK/out\" || echo code $?; ls -A \"$DISK\"");
  EXPECT_THAT(result.err, HasSubstr("error: cannot write " + (scratch_ / "disk/out.partial").string() +
                                    ": No space left on device: "));
  EXPECT_THAT(result.err, ::testing::ContainsRegex("[0-9]+ bytes are needed, [0-9]+ are available"));
  EXPECT_EQ(result.out, "code 1\n");
}

TEST_F(DiskFull, NamesTheFileThatDoesNotFit) {
  // The weights fit, a file beside them does not.
  WriteFile(model_ / "vocab.txt", std::string(3 << 20, 'x'));
  const ProcessResult result =
      Run("size=2m",
          "\"$W8A16\" quantize \"$SRC\" \"$DISK/out\" || echo code $?; ls -A \"$DISK\" \"$DISK/out.partial\";"
          "mount -o remount,size=20m \"$DISK\"; \"$W8A16\" quantize \"$SRC\" \"$DISK/out\" --resume >/dev/null; ls "
          "\"$DISK\"");
  EXPECT_THAT(result.err, HasSubstr("error: cannot write " + (scratch_ / "disk/out.partial/vocab.txt").string() +
                                    ": No space left on device: 3145728 bytes are needed, "));
  EXPECT_THAT(result.err, HasSubstr("--resume"));
  EXPECT_THAT(result.out, ::testing::StartsWith("code 1\n"));
  EXPECT_THAT(result.out, HasSubstr("model.safetensors\n"));
  EXPECT_THAT(result.out, Not(HasSubstr("config.json\n")));
  EXPECT_THAT(result.out, Not(HasSubstr("vocab.txt")));
  EXPECT_THAT(result.out, ::testing::EndsWith("\nout\n"));
  EXPECT_EQ(result.exit_code, 0);
}

TEST_F(DiskFull, InTheMiddleKeepsWhatIsFinished) {
  ASSERT_EQ(W8A16({"quantize", model_.path(), scratch_ / "whole", "--max-shard-size", "4KB"}).exit_code, 0);
  // Room for bytes, but for few files.
  const ProcessResult result =
      Run("size=4m,nr_inodes=7",
          "\"$W8A16\" quantize \"$SRC\" \"$DISK/out\" --max-shard-size 4KB || echo code $?; ls \"$DISK\";"
          "mount -o remount,nr_inodes=100 \"$DISK\"; \"$W8A16\" quantize \"$SRC\" \"$DISK/out\" --max-shard-size 4KB "
          "--resume "
          ">/dev/null; ls \"$DISK\"; diff -r \"$DISK/out\" \"$EXPECTED\" && echo same");
  EXPECT_THAT(result.err, HasSubstr("No space left on device: the disk has no room for more files"));
  EXPECT_THAT(result.err, ::testing::ContainsRegex("finished \\([2-5] of [0-9]+\\) stay in .*: go on with --resume"));
  EXPECT_EQ(result.out, "code 1\nout.partial\nout\nsame\n");
}

}  // namespace
}  // namespace w8a16::testing
