#include "hub/resolve.h"

#include <sys/resource.h>

#include <csignal>

#include "hub/cache.h"
#include "testing/fake_hub.h"
#include "testing/files.h"

namespace w8a16 {
namespace {

namespace fs = std::filesystem;
using testing::ExpectError;
using testing::FakeHub;
using testing::Listing;
using testing::ServerRequest;
using testing::TempDir;

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class ResolveTest : public ::testing::Test {
 protected:
  ResolveTest() {
    settings_.cache = dir_.path() / "cache";
    settings_.endpoint = hub_.url();
    settings_.retry_delay = std::chrono::milliseconds(1);
    hub_.files = {{"config.json", R"({"model_type": "llama"})"},
                  {"tokenizer.json", "{}"},
                  {"README.md", "words"},
                  {"pytorch_model.bin", "PK"},
                  {"model.safetensors", Weights()}};
    hub_.large = {"model.safetensors"};
  }
  static std::string Weights() {
    std::string bytes(300'000, '\0');
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * i >> 7);
    return bytes;
  }
  fs::path Resolve(const std::string& model = "org/name") {
    return ResolveModel(model, settings_, [this](uint64_t done, uint64_t total) {
      progress_.emplace_back(done, total);
      if (stop_at_ > 0 && done >= stop_at_) throw std::runtime_error("stopped");
    });
  }
  void ExpectRefused(std::vector<std::string> parts, const std::string& model = "org/name") {
    parts.emplace_back("org/name");
    ExpectError([&] { Resolve(model); }, parts);
  }
  fs::path Folder() const { return settings_.cache / "models--org--name"; }
  fs::path WeightsBlob() const { return Folder() / "blobs" / testing::Checksum(Weights(), true); }
  fs::path Incomplete() const { return WeightsBlob().string() + ".incomplete"; }
  // The ranges that were asked for of the large file.
  std::vector<std::string> Ranges() const {
    std::vector<std::string> ranges;
    for (const ServerRequest& request : hub_.store_requests()) {
      const auto range = request.headers.find("range");
      ranges.push_back(range == request.headers.end() ? "" : range->second);
    }
    return ranges;
  }
  void ExpectWhole(const fs::path& snapshot) const {
    EXPECT_EQ(ReadTextFile(snapshot / "model.safetensors"), Weights());
    EXPECT_EQ(ReadTextFile(snapshot / "config.json"), R"({"model_type": "llama"})");
    for (const std::string& name : Listing(Folder() / "blobs")) EXPECT_THAT(name, Not(::testing::HasSubstr("inc")));
  }

  TempDir dir_;
  FakeHub hub_;
  HubSettings settings_;
  std::vector<std::pair<uint64_t, uint64_t>> progress_;
  uint64_t stop_at_ = 0;
};

TEST_F(ResolveTest, LeavesDirectoriesAlone) {
  EXPECT_EQ(Resolve(dir_.path()), dir_.path());
  EXPECT_EQ(Resolve("/no/such/directory"), "/no/such/directory");
  EXPECT_THAT(hub_.requests(), IsEmpty());
}

TEST_F(ResolveTest, AnExistingDirectoryWins) {
  const fs::path former = fs::current_path();
  fs::current_path(dir_.path());
  fs::create_directories("org/name");
  EXPECT_EQ(Resolve(), "org/name");
  fs::current_path(former);
  EXPECT_THAT(hub_.requests(), IsEmpty());
}

TEST_F(ResolveTest, DownloadsWhatIsNeededAsHuggingFaceLaysItOut) {
  const fs::path snapshot = Resolve();
  EXPECT_EQ(snapshot, Folder() / "snapshots" / FakeHub::kCommit);
  ExpectWhole(snapshot);
  EXPECT_THAT(Listing(snapshot), ElementsAre("config.json", "model.safetensors", "tokenizer.json"));
  EXPECT_EQ(ReadTextFile(Folder() / "refs/main"), FakeHub::kCommit);
  EXPECT_EQ(fs::read_symlink(snapshot / "model.safetensors"), "../../blobs/" + testing::Checksum(Weights(), true));
  EXPECT_EQ(fs::read_symlink(snapshot / "tokenizer.json"), "../../blobs/" + testing::Checksum("{}", false));
  EXPECT_EQ(progress_.back().first, progress_.back().second);
  EXPECT_EQ(progress_.back().second, 300'000U + 2 + 23);
}

TEST_F(ResolveTest, AsksNobodyForWhatIsThere) {
  const fs::path snapshot = Resolve();
  const size_t requests = hub_.requests().size();
  EXPECT_EQ(Resolve(), snapshot);
  EXPECT_EQ(Resolve(std::string("org/name@") + FakeHub::kCommit), snapshot);
  settings_.offline = true;
  EXPECT_EQ(Resolve(), snapshot);
  EXPECT_EQ(hub_.requests().size(), requests);
}

TEST_F(ResolveTest, RevisionsShareBlobs) {
  Resolve();
  const size_t before = hub_.store_requests().size();
  Resolve("org/name@v1.0");
  Resolve("org/name@refs/pr/1");
  EXPECT_EQ(hub_.store_requests().size(), before);
  EXPECT_EQ(ReadTextFile(Folder() / "refs/v1.0"), FakeHub::kCommit);
  EXPECT_EQ(ReadTextFile(Folder() / "refs/refs/pr/1"), FakeHub::kCommit);
}

TEST_F(ResolveTest, DownloadsShards) {
  hub_.files.erase("model.safetensors");
  hub_.files["model.safetensors.index.json"] = R"({"weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}})";
  hub_.files["m-1.safetensors"] = "one";
  hub_.files["m-2.safetensors"] = "two";
  hub_.files["m-3.safetensors"] = "of something else";
  EXPECT_THAT(Listing(Resolve()), ElementsAre("config.json", "m-1.safetensors", "m-2.safetensors",
                                              "model.safetensors.index.json", "tokenizer.json"));
}

TEST_F(ResolveTest, TakesPyTorchsFilesWhereThereAreNoOthers) {
  hub_.files.erase("model.safetensors");
  EXPECT_THAT(Listing(Resolve()), Contains("pytorch_model.bin"));
}

TEST_F(ResolveTest, CompletesASnapshotThatLacksWeights) {
  const fs::path snapshot = Resolve();
  fs::remove(WeightsBlob());
  settings_.offline = true;
  ExpectRefused({"model.safetensors of it is not in the Hugging Face cache", "HF_HUB_OFFLINE is set"});
  settings_.offline = false;
  ExpectWhole(Resolve());
}

TEST_F(ResolveTest, TakesUpABrokenTransfer) {
  hub_.cuts["model.safetensors"] = 100'000;
  ExpectWhole(Resolve());
  EXPECT_THAT(Ranges(), ElementsAre("", "bytes=100000-"));
}

TEST_F(ResolveTest, ContinuesWhatWasInterrupted) {
  stop_at_ = 1;
  EXPECT_THROW(Resolve(), std::runtime_error);
  EXPECT_FALSE(fs::exists(Folder() / "snapshots"));
  EXPECT_FALSE(fs::exists(Folder() / "refs"));
  const uint64_t had = fs::file_size(Incomplete());
  EXPECT_GT(had, 0U);
  stop_at_ = 0;
  ExpectWhole(Resolve());
  EXPECT_EQ(Ranges().back(), "bytes=" + std::to_string(had) + "-");
}

TEST_F(ResolveTest, StartsAgainWhereTheServerKnowsNoRanges) {
  hub_.ranges = false;
  hub_.cuts["model.safetensors"] = 100'000;
  ExpectWhole(Resolve());
}

TEST_F(ResolveTest, DropsAHalfFileThatIsTooLong) {
  fs::create_directories(Folder() / "blobs");
  WriteTextFile(Incomplete(), Weights() + "more");
  ExpectWhole(Resolve());
}

TEST_F(ResolveTest, RefusesWrongBytes) {
  hub_.sent_instead["model.safetensors"] = Weights().replace(7, 1, "?");
  ExpectRefused({"model.safetensors", "the checksum of what came is", testing::Checksum(Weights(), true), "try again"});
  EXPECT_THAT(Listing(Folder() / "blobs"), IsEmpty());
  EXPECT_FALSE(fs::exists(Folder() / "snapshots"));
  hub_.sent_instead = {{"config.json", R"({"model_type": "LLAMA"})"}};
  ExpectRefused({"config.json", "the checksum of what came is"});
  hub_.sent_instead.clear();
  ExpectWhole(Resolve());
}

TEST_F(ResolveTest, RefusesAHalfFileOfOtherBytes) {
  fs::create_directories(Folder() / "blobs");
  WriteTextFile(Incomplete(), "of another file");
  ExpectRefused({"the checksum of what came is"});
  ExpectWhole(Resolve());
}

TEST_F(ResolveTest, RefusesMoreBytesThanWereDeclared) {
  hub_.sent_instead["model.safetensors"] = Weights() + "x";
  ExpectRefused({"the server sends more than 300000 bytes"});
}

TEST_F(ResolveTest, ShowsTheTokenToTheEndpointOnly) {
  hub_.token = settings_.token = "hf_secret";
  ExpectWhole(Resolve());
  for (const ServerRequest& request : hub_.requests())
    EXPECT_EQ(request.headers.at("authorization"), "Bearer hf_secret");
  ASSERT_FALSE(hub_.store_requests().empty());
  for (const ServerRequest& request : hub_.store_requests()) EXPECT_EQ(request.headers.count("authorization"), 0U);
}

TEST_F(ResolveTest, FollowsARedirectionOnTheSameHost) {
  hub_.same_host = true;
  ExpectWhole(Resolve());
  EXPECT_THAT(hub_.store_requests(), IsEmpty());
}

TEST_F(ResolveTest, SaysThatATokenIsNeeded) {
  hub_.token = "hf_secret";
  ExpectRefused({"no such directory", "no such model or does not show it to everybody", "set HF_TOKEN"});
  settings_.token = "hf_wrong";
  ExpectRefused({"does not show it to the owner of HF_TOKEN"});
}

TEST_F(ResolveTest, SaysThatTermsMustBeAccepted) {
  hub_.status = 403;
  hub_.error_code = "GatedRepo";
  ExpectRefused({"access is denied: the model is gated", "accept its terms at " + hub_.url() + "/org/name"});
}

TEST_F(ResolveTest, SaysThatThereIsNoSuchModel) {
  hub_.status = 404;
  hub_.error_code = "RepoNotFound";
  ExpectRefused({"there is no such directory", "no such model"});
}

TEST_F(ResolveTest, SaysThatThereIsNoSuchRevision) {
  ExpectRefused({"it has no revision \"v9\"", "/org/name/commits"}, "org/name@v9");
}

TEST_F(ResolveTest, SaysThatTheServerIsBusy) {
  hub_.status = 429;
  ExpectRefused({"slow down"});
  hub_.status = 500;
  ExpectRefused({"status 500", "try again later"});
}

TEST_F(ResolveTest, SaysThatTheServerCannotBeReached) {
  settings_.endpoint = "http://127.0.0.1:1";
  ExpectRefused({"neither a directory nor in the Hugging Face cache", "cannot be reached", "127.0.0.1", "try again"});
}

TEST_F(ResolveTest, AsksNobodyWhenOffline) {
  settings_.offline = true;
  ExpectRefused({"its revision \"main\" is not in the Hugging Face cache", "HF_HUB_OFFLINE is set"});
  EXPECT_THAT(hub_.requests(), IsEmpty());
}

TEST_F(ResolveTest, RefusesAModelOfAnotherKind) {
  hub_.files = {{"config.json", "{}"}, {"model.Q8_0.gguf", "x"}};
  ExpectRefused({"neither model.safetensors nor pytorch_model.bin; it has model.Q8_0.gguf"});
  hub_.files = {{"model.safetensors", "x"}};
  ExpectRefused({"the model has no config.json"});
}

TEST_F(ResolveTest, RefusesAnIndexThatNamesPaths) {
  hub_.files.erase("model.safetensors");
  hub_.files["model.safetensors.index.json"] = R"({"weight_map": {"a": "../../evil.safetensors"}})";
  ExpectError([&] { Resolve(); }, {"plain name", "../../evil.safetensors"});
}

TEST_F(ResolveTest, KeepsWhatCameWhenTheDiskIsFull) {
  // A limit on file sizes stands for a full disk: write fails half way in the same manner.
  rlimit former{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &former), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{200'000, former.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  ExpectError([this] { Resolve(); }, {"cannot write", ".incomplete: File too large"});
  setrlimit(RLIMIT_FSIZE, &former);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(fs::file_size(Incomplete()), 200'000U);
  ExpectWhole(Resolve());
  EXPECT_EQ(Ranges().back(), "bytes=200000-");
}

TEST_F(ResolveTest, SaysThatTheCacheCannotBeWritten) {
  WriteTextFile(dir_ / "cache", "a file");
  ExpectRefused({"cannot write the Hugging Face cache", "HF_HUB_CACHE"});
}

TEST_F(ResolveTest, RefusesAServerThatIsNoHub) {
  const testing::HttpServer other([](const ServerRequest&) { return testing::ServerResponse{200, {}, "{}"}; });
  settings_.endpoint = other.url();
  ExpectError([&] { Resolve(); }, {other.url(), "not a listing of a model's files", "HF_ENDPOINT"});
}

TEST_F(ResolveTest, RefusesEndlessRedirections) {
  const testing::HttpServer other([](const ServerRequest& request) {
    return testing::ServerResponse{302, {{"Location", request.path}}, ""};
  });
  settings_.endpoint = other.url();
  ExpectError([&] { Resolve(); }, {"redirects more than 10 times"});
}

}  // namespace
}  // namespace w8a16
