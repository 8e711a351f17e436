// Runs that end early, and runs that go on with what they left.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "convert/convert.h"
#include "convert/journal.h"
#include "convert/tiny_llama.h"

namespace w8a16 {
namespace {

using testing::Contents;
using ::testing::ElementsAre;
using testing::ExpectError;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Listing;
using testing::TempDir;
using testing::TinyLlama;

struct Stop : std::exception {};

class ResumeTest : public ::testing::Test {
 protected:
  ResumeTest() {
    model_.Write(source_);
    WriteTextFile(source_ / "tokenizer.json", "words");
    options_.max_shard_bytes = 1000;
    QuantizeCheckpoint(source_, dir_ / "whole", options_);
    expected_ = Contents(dir_ / "whole");
    options_.resume = true;
  }

  // A run that ends after `calls` calls of the progress. True where it did not get that far.
  bool RunUntil(int calls, const ConvertOptions& options) {
    try {
      QuantizeCheckpoint(source_, destination_, options, [&calls](uint64_t, uint64_t) {
        if (--calls < 0) throw Stop();
      });
      return true;
    } catch (const Stop&) {
      return false;
    }
  }
  // One that leaves at least one finished file.
  void Interrupt() {
    ConvertOptions fresh = options_;
    fresh.resume = false;
    ASSERT_FALSE(RunUntil(12, fresh));
    ASSERT_TRUE(std::filesystem::exists(work_));
    ASSERT_FALSE(std::filesystem::exists(destination_));
    for (const std::string& name : Listing(work_)) {
      if (name.ends_with(".safetensors")) finished_.push_back(name);
    }
    ASSERT_GE(finished_.size(), 1U);
  }
  ConvertReport Resume() { return QuantizeCheckpoint(source_, destination_, options_); }
  void ExpectWhole() {
    EXPECT_TRUE(Contents(destination_) == expected_);
    EXPECT_FALSE(std::filesystem::exists(work_));
  }
  void ExpectRefused(const std::vector<std::string>& parts) {
    const auto before = Contents(work_);
    ExpectError([this] { Resume(); }, parts);
    EXPECT_EQ(Contents(work_), before);
    EXPECT_FALSE(std::filesystem::exists(destination_));
  }

  TempDir dir_;
  TinyLlama model_;
  ConvertOptions options_;
  std::filesystem::path source_ = dir_ / "source";
  std::filesystem::path destination_ = dir_ / "made";
  std::filesystem::path work_ = dir_ / "made.partial";
  std::map<std::string, std::string> expected_;
  std::vector<std::string> finished_;
};

TEST_F(ResumeTest, GoesOnFromWhereverARunEnded) {
  bool done = false;
  for (int calls = 0; !done; ++calls) {
    done = RunUntil(calls, options_);
    EXPECT_EQ(std::filesystem::exists(destination_), done) << calls;
    if (!done) Resume();
    ExpectWhole();
    std::filesystem::remove_all(destination_);
  }
}

TEST_F(ResumeTest, GoesOnAgainAndAgain) {
  // Each run gets a little farther than the one before.
  for (int calls = 2; !RunUntil(calls, options_); ++calls) ASSERT_LT(calls, 1000);
  ExpectWhole();
}

TEST_F(ResumeTest, ReportsAllLayersAndWhatWasKept) {
  const ConvertReport whole = QuantizeCheckpoint(source_, dir_ / "again", options_);
  EXPECT_EQ(whole.kept_shards, 0U);
  Interrupt();
  uint64_t last = 0;
  const ConvertReport report =
      QuantizeCheckpoint(source_, destination_, options_, [&last](uint64_t done, uint64_t /*total*/) {
        EXPECT_GE(done, last);
        last = done;
      });
  EXPECT_EQ(last, report.bytes_before);
  EXPECT_EQ(report.kept_shards, finished_.size());
  EXPECT_EQ(report.shards, whole.shards);
  ASSERT_EQ(report.layers.size(), whole.layers.size());
  for (size_t i = 0; i < whole.layers.size(); ++i) {
    EXPECT_EQ(report.layers[i].name, whole.layers[i].name);
    EXPECT_EQ(report.layers[i].sqnr_db, whole.layers[i].sqnr_db);
    EXPECT_EQ(report.layers[i].outlier_ratio, whole.layers[i].outlier_ratio);
    EXPECT_EQ(report.layers[i].scales.counts, whole.layers[i].scales.counts);
    EXPECT_EQ(report.layers[i].scales.median, whole.layers[i].scales.median);
    EXPECT_EQ(report.layers[i].bytes_after, whole.layers[i].bytes_after);
  }
}

TEST_F(ResumeTest, KeepsFinishedFilesUntouched) {
  Interrupt();
  struct stat before {};
  ASSERT_EQ(stat((work_ / finished_[0]).c_str(), &before), 0);
  Resume();
  struct stat after {};
  ASSERT_EQ(stat((destination_ / finished_[0]).c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

TEST_F(ResumeTest, MakesDamagedAndMissingFilesAgain) {
  for (const char* damage : {"flip", "cut", "longer", "garbage", "missing"}) {
    Interrupt();
    const auto path = work_ / finished_[0];
    std::string bytes = ReadTextFile(path);
    if (std::string(damage) == "flip") bytes[bytes.size() / 2] ^= 1;
    if (std::string(damage) == "cut") bytes.pop_back();
    if (std::string(damage) == "longer") bytes += 'x';
    if (std::string(damage) == "garbage") bytes.assign(bytes.size(), 'x');
    WriteTextFile(path, bytes);
    if (std::string(damage) == "missing") std::filesystem::remove(path);
    EXPECT_EQ(Resume().kept_shards, finished_.size() - 1) << damage;
    ExpectWhole();
    std::filesystem::remove_all(destination_);
    finished_.clear();
  }
}

TEST_F(ResumeTest, ForgetsHalfALineOfTheJournal) {
  for (const char* rest : {R"({"file":"model-00002)", "\n", "{}\n", "{\"file\":1}\nmore\n"}) {
    Interrupt();
    WriteTextFile(work_ / Journal::kFile, ReadTextFile(work_ / Journal::kFile) + rest);
    ASSERT_FALSE(RunUntil(static_cast<int>(finished_.size()) + 8, options_));  // it must be able to go on with it, too
    EXPECT_GE(Resume().kept_shards, finished_.size()) << rest;
    ExpectWhole();
    std::filesystem::remove_all(destination_);
    finished_.clear();
  }
}

TEST_F(ResumeTest, RefusesADamagedJournal) {
  Interrupt();
  const std::string journal = ReadTextFile(work_ / Journal::kFile);
  for (const std::string& damaged : {std::string(), std::string("{\n") + journal, journal.substr(0, 20)}) {
    WriteTextFile(work_ / Journal::kFile, damaged);
    ExpectRefused({Journal::kFile, "remove " + work_.string()});
  }
  WriteTextFile(work_ / Journal::kFile, "{}\n" + journal);
  ExpectRefused({work_.string(), "another version"});
}

TEST_F(ResumeTest, PlainRunsRefuseWhatIsLeftAndSayWhatToDo) {
  Interrupt();
  options_.resume = false;
  ExpectRefused({work_.string(), "interrupted run", "--resume", "remove"});
  options_.force = true;
  ExpectRefused({work_.string(), "--resume", "remove"});
}

TEST_F(ResumeTest, RefusesOtherOptions) {
  Interrupt();
  const ConvertOptions former = options_;
  options_.format = QuantizedFormat::kIntQuantized;
  ExpectRefused({work_.string(), "the option format was \"pack-quantized\", now it is \"int-quantized\""});
  options_ = former;
  options_.ignore = {"up_proj"};
  ExpectRefused({"the option ignore was [], now it is [\"up_proj\"]"});
  options_ = former;
  options_.max_shard_bytes = 999;
  ExpectRefused({"the option max_shard_bytes was 1000, now it is 999"});
  options_ = former;
  Resume();
  ExpectWhole();
}

TEST_F(ResumeTest, RefusesAnotherSource) {
  Interrupt();
  const auto date = std::filesystem::last_write_time(source_ / "model.safetensors");
  std::filesystem::last_write_time(source_ / "model.safetensors", date + std::chrono::seconds(1));
  ExpectRefused({"model.safetensors of the source has changed"});
  std::filesystem::last_write_time(source_ / "model.safetensors", date);
  const std::string config = ReadTextFile(source_ / "config.json");
  WriteTextFile(source_ / "config.json", config + " ");
  ExpectRefused({"config.json of the source has changed"});
  WriteTextFile(source_ / "config.json", config);
  Resume();
  ExpectWhole();
}

TEST_F(ResumeTest, RefusesADirectoryThatIsNotItsOwn) {
  std::filesystem::create_directory(work_);
  WriteTextFile(work_ / "notes.txt", "mine");
  ExpectRefused({work_.string(), "not made by this program"});
  options_.resume = false;
  ExpectRefused({work_.string(), "not made by this program"});
  std::filesystem::remove_all(work_);
  WriteTextFile(work_, "a file");
  ExpectError([this] { Resume(); }, {work_.string(), "in the way"});
  EXPECT_EQ(ReadTextFile(work_), "a file");
}

TEST_F(ResumeTest, TakesOverADirectoryWithoutAnythingInIt) {
  std::filesystem::create_directory(work_);
  WriteTextFile(work_ / ".w8a16-journal.partial", "{");
  options_.resume = false;
  Resume();
  ExpectWhole();
}

TEST_F(ResumeTest, NeverWorksInTheSource) {
  std::filesystem::rename(source_, work_);
  source_ = work_;
  ExpectRefused({"is the input itself"});
}

TEST_F(ResumeTest, RefusesADestinationThatAnotherRunWrites) {
  Interrupt();
  const int other = open(work_.c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(flock(other, LOCK_EX | LOCK_NB), 0);
  ExpectRefused({"another run is writing " + destination_.string()});
  options_.resume = false;
  ExpectRefused({"another run is writing " + destination_.string()});
  close(other);
  options_.resume = true;
  Resume();
  ExpectWhole();
}

TEST_F(ResumeTest, LeavesNothingOfASourceThatCannotBeConverted) {
  model_.Set("model.layers.0.mlp.down_proj.weight", 3, {INFINITY});
  model_.Write(source_);
  ExpectError([this] { Resume(); }, {"down_proj", "row 0", "column 3"});
  EXPECT_THAT(Listing(dir_.path()), ElementsAre("source", "whole"));
}

// A destination that is there is filled file by file: whatever happens in between, nothing looks finished.
class PublicationTest : public ResumeTest {
 protected:
  PublicationTest() {
    options_.force = true;
    std::filesystem::create_directory(destination_);
    for (const char* name : {"config.json", "notes.txt", "model.safetensors", "model-00001-of-00002.safetensors",
                             "model.safetensors.index.json"}) {
      WriteTextFile(destination_ / name, "old");
    }
    expected_["notes.txt"] = "old";
  }
};

TEST_F(PublicationTest, ReplacesWeightFilesAndKeepsOthers) {
  Resume();
  ExpectWhole();
}

TEST_F(PublicationTest, LeavesTheDestinationAloneUntilAllIsWhole) {
  const auto before = Contents(destination_);
  for (int calls = 0; !RunUntil(calls, options_); calls += 3) EXPECT_EQ(Contents(destination_), before);
  ExpectWhole();
}

TEST_F(PublicationTest, GoesOnAmongTheMoves) {
  // What a run leaves that is killed after so many moves: made by hand from the files of a whole one.
  std::vector<std::string> files;
  for (const auto& [name, bytes] : Contents(dir_ / "whole")) {
    if (name != "config.json") files.push_back(name);
  }
  files.emplace_back("config.json");
  std::filesystem::remove_all(destination_);
  options_.force = false;
  ConvertOptions fresh = options_;
  fresh.resume = false;
  for (size_t moved = 0; moved < files.size(); ++moved) {
    ASSERT_FALSE(RunUntil(12, fresh));
    std::filesystem::copy(dir_ / "whole", work_,
                          std::filesystem::copy_options::overwrite_existing | std::filesystem::copy_options::recursive);
    Journal::Read(work_).AddPublication(files);
    std::filesystem::create_directory(destination_);
    WriteTextFile(destination_ / "notes.txt", "old");
    for (const char* name : {"model-00001-of-00002.safetensors", "model.safetensors", "config.json"}) {
      WriteTextFile(destination_ / name, "old");
    }
    for (size_t i = 0; i < moved; ++i) std::filesystem::rename(work_ / files[i], destination_ / files[i]);
    Resume();
    ExpectWhole();
    std::filesystem::remove_all(destination_);
  }
}

TEST_F(PublicationTest, RemovesAJournalThatCameAlong) {
  std::filesystem::remove_all(destination_);
  std::filesystem::copy(dir_ / "whole", destination_);
  WriteTextFile(destination_ / Journal::kFile, "{}\n");
  options_.force = false;
  expected_.erase("notes.txt");
  ExpectError([this] { Resume(); }, {"not empty"});
  ExpectWhole();
}

TEST_F(PublicationTest, FollowsALinkToTheDestination) {
  std::filesystem::create_directory_symlink("made", dir_ / "link");
  QuantizeCheckpoint(source_, dir_ / "link", options_);
  EXPECT_TRUE(std::filesystem::is_symlink(dir_ / "link"));
  ExpectWhole();
  EXPECT_EQ(WorkPath(dir_ / "link"), work_);
  EXPECT_EQ(WorkPath((dir_ / "made").string() + "/"), work_);
}

}  // namespace
}  // namespace w8a16
