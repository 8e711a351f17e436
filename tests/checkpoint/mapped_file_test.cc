#include "checkpoint/mapped_file.h"

#include <sys/stat.h>

#include "testing/files.h"

namespace w8a16 {
namespace {

using testing::ExpectError;
using testing::TempDir;

std::string Contents(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST(MappedFile, MapsEveryByteAndSurvivesRelease) {
  const TempDir dir;
  std::string text(3 * 4096 + 100, 'a');
  text.back() = 'z';
  WriteTextFile(dir / "f", text);
  const auto file = MappedFile::Open(dir / "f");
  EXPECT_EQ(Contents(*file), text);
  file->Release(100, 3 * 4096);
  file->Release(0, text.size());
  file->Release(text.size(), 0);
  EXPECT_EQ(Contents(*file), text);
}

TEST(MappedFile, MapsAnEmptyFile) {
  const TempDir dir;
  WriteTextFile(dir / "f", "");
  EXPECT_TRUE(MappedFile::Open(dir / "f")->bytes().empty());
}

TEST(MappedFile, FollowsLinks) {
  const TempDir dir;
  WriteTextFile(dir / "f", "data");
  std::filesystem::create_symlink("f", dir / "link");
  EXPECT_EQ(Contents(*MappedFile::Open(dir / "link")), "data");
}

TEST(MappedFile, NamesAMissingFile) {
  const TempDir dir;
  ExpectError([&] { MappedFile::Open(dir / "f"); }, {(dir / "f").string(), "No such file"});
}

TEST(MappedFile, RefusesWhatIsNotARegularFile) {
  const TempDir dir;
  ExpectError([&] { MappedFile::Open(dir.path()); }, {"not a regular file"});
  ASSERT_EQ(mkfifo((dir / "pipe").c_str(), 0600), 0);
  ExpectError([&] { MappedFile::Open(dir / "pipe"); }, {"pipe", "not a regular file"});
}

}  // namespace
}  // namespace w8a16
