// Conversions that are killed, stopped or run twice at once.

#include <csignal>
#include <random>
#include <thread>

#include "cli/command.h"

namespace w8a16::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

using Clock = std::chrono::steady_clock;

// A process that runs beside the test, its standard error in a file.
class Started {
 public:
  Started(std::vector<std::string> command, const fs::path& err) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    std::vector<char*> argv;
    for (std::string& argument : command) argv.push_back(argument.data());
    argv.push_back(nullptr);
    if (posix_spawn(&child_, argv[0], &actions, nullptr, argv.data(), environ) != 0) {
      throw std::runtime_error("cannot run " + command.front());
    }
    posix_spawn_file_actions_destroy(&actions);
  }
  Started(const Started&) = delete;
  Started& operator=(const Started&) = delete;
  ~Started() {
    if (child_ > 0) kill(child_, SIGKILL);
    if (child_ > 0) Wait();
  }

  void Signal(int signal) const { kill(child_, signal); }
  // The exit code, or the signal as a negative number.
  int Wait() {
    int status = 0;
    waitpid(child_, &status, 0);
    child_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t child_ = 0;
};

std::map<std::string, std::string> Contents(const fs::path& directory) {
  std::map<std::string, std::string> contents;
  for (const std::string& name : Listing(directory)) contents[name] = ReadTextFile(directory / name);
  contents.erase(".w8a16-journal");  // left by a run that is killed right after its last rename
  return contents;
}

size_t FinishedFiles(const fs::path& directory) {
  if (!fs::exists(directory)) return 0;
  const std::vector<std::string> names = Listing(directory);
  return static_cast<size_t>(std::count_if(names.begin(), names.end(),
                                           [](const std::string& name) { return name.ends_with(".safetensors"); }));
}

class ResumeCommand : public ::testing::Test {
 protected:
  ResumeCommand() {
    const auto start = Clock::now();
    EXPECT_EQ(W8A16(Command(scratch_ / "whole", {})).exit_code, 0);
    seconds_ = std::chrono::duration<double>(Clock::now() - start).count();
    expected_ = Contents(scratch_ / "whole");
    EXPECT_GT(FinishedFiles(scratch_ / "whole"), 20U);
  }

  static std::vector<std::string> Command(const fs::path& destination, const std::vector<std::string>& options) {
    std::vector<std::string> command = {
        "quantize", W8A16_SOURCE_DIR "/models/demo", destination, "--max-shard-size", "40KB", "--threads", "1"};
    command.insert(command.end(), options.begin(), options.end());
    return command;
  }
  Started Start(const std::vector<std::string>& options) const {
    std::vector<std::string> command = Command(destination_, options);
    command.insert(command.begin(), W8A16_BINARY_DIR "/w8a16");
    return {command, scratch_ / "err"};
  }
  void ExpectWhole() {
    EXPECT_TRUE(Contents(destination_) == expected_);
    EXPECT_FALSE(fs::exists(work_));
  }

  TempDir scratch_;
  fs::path destination_ = scratch_ / "out";
  fs::path work_ = scratch_ / "out.partial";
  double seconds_ = 0;
  std::map<std::string, std::string> expected_;
};

TEST_F(ResumeCommand, GivesTheSameBytesAfterKillsAtTwentyRandomMoments) {
  std::mt19937 random(20);
  int in_the_middle = 0;
  for (int i = 0; i < 20; ++i) {
    Started run = Start({});
    const double share = static_cast<double>(random() % 1000) / 1000;
    std::this_thread::sleep_for(std::chrono::duration<double>(share * seconds_));
    run.Signal(SIGKILL);
    run.Wait();
    in_the_middle += fs::exists(work_) ? 1 : 0;
    // Either nothing is there, or all of it.
    if (!fs::exists(destination_)) {
      const ProcessResult resumed = W8A16(Command(destination_, {"--resume"}));
      ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
    }
    ASSERT_TRUE(Contents(destination_) == expected_) << "killed after " << share << " of " << seconds_ << " s";
    fs::remove_all(destination_);
  }
  EXPECT_GE(in_the_middle, 3);
}

TEST_F(ResumeCommand, StopsBetweenBlocksAndSaysWhatToDo) {
  for (const int signal : {SIGINT, SIGTERM}) {
    Started run = Start({});
    while (FinishedFiles(work_) < 3 && !fs::exists(destination_)) std::this_thread::yield();
    run.Signal(signal);
    const int code = run.Wait();
    if (code == 0) GTEST_SKIP() << "the run was over before the signal came";
    EXPECT_EQ(code, -signal);
    EXPECT_THAT(ReadTextFile(scratch_ / "err"),
                ::testing::AllOf(HasSubstr("interrupted: weight files that are finished stay in " + work_.string()),
                                 HasSubstr("--resume")));
    EXPECT_FALSE(fs::exists(destination_));
    ExpectFailure(W8A16(Command(destination_, {})), {work_.string(), "--resume", "remove it"});
    ExpectFailure(W8A16(Command(destination_, {"--resume", "--ignore", "up_proj"})), {"the option ignore was []"});
    const ProcessResult resumed = W8A16(Command(destination_, {"--resume"}));
    EXPECT_EQ(resumed.exit_code, 0);
    EXPECT_THAT(resumed.err, HasSubstr("weight files were finished by an earlier run"));
    ExpectWhole();
    fs::remove_all(destination_);
  }
}

TEST_F(ResumeCommand, LetsOneOfTwoRunsWrite) {
  for (int i = 0; i < 5; ++i) {
    Started first = Start({});
    Started second = Start({"--resume"});
    const int codes = first.Wait() + second.Wait();
    EXPECT_EQ(codes, 1);
    ExpectWhole();
    fs::remove_all(destination_);
  }
}

}  // namespace
}  // namespace w8a16::testing
