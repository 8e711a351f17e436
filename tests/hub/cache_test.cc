#include "hub/cache.h"

#include "testing/files.h"

namespace w8a16 {
namespace {

namespace fs = std::filesystem;
using testing::ExpectError;
using testing::TempDir;

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

TEST(CachedRepository, HasTheLayoutOfHuggingFace) {
  const TempDir dir;
  const CachedRepository repository(dir.path(), *ParseHubId("org/a-name"));
  EXPECT_EQ(repository.folder(), dir / "models--org--a-name");
  EXPECT_EQ(repository.Lock("12"), dir / ".locks/models--org--a-name/12.lock");
  EXPECT_FALSE(repository.FindCommit());
  repository.SetCommit(kCommit);
  EXPECT_EQ(ReadTextFile(dir / "models--org--a-name/refs/main"), kCommit);
  EXPECT_EQ(repository.FindCommit(), kCommit);
  fs::create_directories(repository.folder() / "blobs");
  WriteTextFile(repository.Blob("12"), "x");
  repository.Link(kCommit, "config.json", "12");
  const fs::path link = repository.Snapshot(kCommit) / "config.json";
  EXPECT_EQ(fs::read_symlink(link), "../../blobs/12");
  EXPECT_EQ(ReadTextFile(link), "x");
  repository.Link(kCommit, "config.json", "34");
  EXPECT_EQ(fs::read_symlink(link), "../../blobs/34");
  EXPECT_THAT(testing::Listing(link.parent_path()), ElementsAre("config.json"));
}

TEST(CachedRepository, FindsACommitByItself) {
  const TempDir dir;
  const CachedRepository repository(dir.path(), {"org/name", kCommit});
  EXPECT_FALSE(repository.FindCommit());
  fs::create_directories(repository.Snapshot(kCommit));
  EXPECT_EQ(repository.FindCommit(), kCommit);
  repository.SetCommit(kCommit);
  EXPECT_FALSE(fs::exists(repository.folder() / "refs"));
}

TEST(CachedRepository, KeepsRevisionsWithSlashes) {
  const TempDir dir;
  const CachedRepository repository(dir.path(), {"org/name", "refs/pr/1"});
  repository.SetCommit(kCommit);
  EXPECT_EQ(ReadTextFile(repository.folder() / "refs/refs/pr/1"), kCommit);
  EXPECT_EQ(repository.FindCommit(), kCommit);
}

TEST(CachedRepository, RefusesARefThatIsNoCommit) {
  const TempDir dir;
  const CachedRepository repository(dir.path(), {"org/name", "main"});
  fs::create_directories(repository.folder() / "refs");
  WriteTextFile(repository.folder() / "refs/main", "../../../etc");
  ExpectError([&] { repository.FindCommit(); }, {"refs/main", "does not hold a commit", "remove it"});
}

TEST(MissingFiles, NamesWhatACheckpointNeeds) {
  const TempDir dir;
  EXPECT_THAT(MissingFiles(dir.path()), ElementsAre("config.json", "model.safetensors"));
  WriteTextFile(dir / "config.json", "{}");
  WriteTextFile(dir / "pytorch_model.bin", "x");
  EXPECT_THAT(MissingFiles(dir.path()), IsEmpty());
  WriteTextFile(dir / "model.safetensors.index.json",
                R"({"weight_map": {"a": "2.safetensors", "b": "1.safetensors", "c": "2.safetensors"}})");
  EXPECT_THAT(MissingFiles(dir.path()), ElementsAre("1.safetensors", "2.safetensors"));
  WriteTextFile(dir / "1.safetensors", "x");
  fs::create_symlink("nowhere", dir / "2.safetensors");
  EXPECT_THAT(MissingFiles(dir.path()), ElementsAre("2.safetensors"));
}

}  // namespace
}  // namespace w8a16
