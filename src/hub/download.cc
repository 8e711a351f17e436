#include "hub/download.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "checkpoint/json.h"
#include "checkpoint/weight_format.h"
#include "hub/blob.h"
#include "hub/cache.h"
#include "hub/digest.h"
#include "hub/http.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfig = "config.json";

// Beside the weights: what this project or a reader of the quantized checkpoint uses.
constexpr std::array<std::string_view, 16> kSmallFiles = {"generation_config.json",
                                                          "tokenizer.json",
                                                          "tokenizer_config.json",
                                                          "special_tokens_map.json",
                                                          "added_tokens.json",
                                                          "vocab.json",
                                                          "merges.txt",
                                                          "vocab.txt",
                                                          "tokenizer.model",
                                                          "chat_template.jinja",
                                                          "chat_template.json",
                                                          "LICENSE",
                                                          "LICENSE.txt",
                                                          "LICENSE.md",
                                                          "NOTICE",
                                                          "USE_POLICY.md"};

struct RemoteFile {
  std::string name;
  std::string checksum;
  uint64_t bytes = 0;
};

class Downloader {
 public:
  Downloader(const HubSettings& settings, const HubId& id, const HubProgress& progress)
      : settings_(settings),
        id_(id),
        progress_(progress),
        http_(settings.endpoint, settings.token),
        repository_(settings.cache, id) {}

  std::string Run() {
    ReadListing();
    std::vector<RemoteFile> files;
    for (const std::string& name : ChooseWeights()) files.push_back(Describe(name));
    for (const std::string_view name : kSmallFiles) {
      if (names_.contains(name)) files.push_back(Describe(std::string(name)));
    }
    files.push_back(Describe(std::string(kConfig)));
    for (const RemoteFile& file : files) total_ += file.bytes;
    CheckRoom(files);
    for (const RemoteFile& file : files) Fetch(file);
    // The configuration comes last: a snapshot that has one is whole.
    for (const RemoteFile& file : files) repository_.Link(commit_, file.name, file.checksum);
    repository_.SetCommit(commit_);
    return commit_;
  }

 private:
  std::string FileUrl(const std::string& name) const {
    return StrCat(settings_.endpoint, "/", id_.repository, "/resolve/", commit_, "/", UrlEscape(name));
  }

  // What an answer other than success means for the user.
  [[noreturn]] void FailStatus(const HttpResponse& response, const std::string& url) const {
    const std::string code = response.Header("x-error-code");
    const std::string page = StrCat(settings_.endpoint, "/", id_.repository);
    const bool anonymous = settings_.token.empty();
    std::string reason;
    if (response.status == 401 || code == "RepoNotFound") {
      reason = StrCat("there is no such directory, and the Hub has no such model or does not show it to ",
                      anonymous ? "everybody; for a private or gated model set HF_TOKEN to a token that may read it"
                                : "the owner of HF_TOKEN");
    } else if (response.status == 403) {
      reason = StrCat("access is denied", code == "GatedRepo" ? ": the model is gated" : "", "; accept its terms at ",
                      page, anonymous ? " and set HF_TOKEN" : " with the account of HF_TOKEN");
    } else if (code == "RevisionNotFound") {
      reason = StrCat("it has no revision \"", id_.revision, "\"; see ", page, "/commits");
    } else if (response.status == 404) {
      reason = StrCat("there is no such directory, and no ", url);
    } else if (response.status == 429) {
      reason = "the Hub asks to slow down; try again in some minutes, or set HF_TOKEN";
    } else {
      reason = StrCat(url, " answers with status ", response.status, "; try again later");
    }
    throw Error(StrCat(id_.repository, ": ", reason));
  }

  // Names of the files at the revision, and its commit.
  void ReadListing() {
    const std::string url =
        StrCat(settings_.endpoint, "/api/models/", id_.repository, "/revision/", UrlEscape(id_.revision));
    const HttpResponse response = http_.Get(url);
    if (response.status != 200) FailStatus(response, url);
    const Json listing = ParseJson(response.body, url);
    const auto commit = listing.find("sha");
    const auto siblings = listing.find("siblings");
    if (!listing.is_object() || commit == listing.end() || !commit->is_string() ||
        !IsCommit(commit->get_ref<const std::string&>()) || siblings == listing.end() || !siblings->is_array()) {
      throw Error(StrCat(url, ": the answer is not a listing of a model's files; check HF_ENDPOINT"));
    }
    commit_ = commit->get<std::string>();
    for (const Json& sibling : *siblings) {
      const auto name = sibling.find("rfilename");
      if (sibling.is_object() && name != sibling.end() && name->is_string()) names_.insert(name->get<std::string>());
    }
    if (!names_.contains(kConfig)) {
      throw Error(StrCat(id_.repository, ": the model has no ", kConfig, "; only models of transformers can be read"));
    }
  }

  std::vector<std::string> ChooseWeights() {
    for (const WeightFormat& format : WeightFormats()) {
      if (names_.contains(format.single_file)) return {std::string(format.single_file)};
      if (!names_.contains(format.index_file)) continue;
      const RemoteFile index = Describe(std::string(format.index_file));
      Fetch(index);
      done_ = 0;
      std::vector<std::string> files = FindShards(ReadIndex(repository_.Blob(index.checksum), format, ThrowProblem));
      files.push_back(index.name);
      return files;
    }
    std::vector<std::string> others;
    for (const std::string& name : names_) {
      if (name.ends_with(".gguf") || name.ends_with(".safetensors") || name.ends_with(".bin")) others.push_back(name);
    }
    if (others.size() > 4) others.resize(4);
    throw Error(StrCat(id_.repository, ": the model has neither ", WeightFormats().front().single_file, " nor ",
                       WeightFormats().back().single_file, others.empty() ? "" : "; it has ", Join(others, ", ")));
  }

  RemoteFile Describe(const std::string& name) {
    const std::string url = FileUrl(name);
    const HttpResponse response = http_.Head(url);
    const std::string linked = response.Header("x-linked-etag");
    if (response.status / 100 != 2 && linked.empty()) FailStatus(response, url);
    RemoteFile file;
    file.name = name;
    file.checksum = linked.empty() ? response.Header("etag") : linked;
    if (file.checksum.starts_with("W/")) file.checksum.erase(0, 2);
    std::erase(file.checksum, '"');
    const std::string size = response.Header(linked.empty() ? "content-length" : "x-linked-size");
    const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), file.bytes);
    if (error != std::errc() || end != size.data() + size.size() || !FileDigest::IsChecksum(file.checksum)) {
      throw Error(StrCat(url, ": the server does not give size and checksum of the file; check HF_ENDPOINT"));
    }
    return file;
  }

  // Said before hours are spent.
  void CheckRoom(const std::vector<RemoteFile>& files) const {
    uint64_t needed = 0;
    for (const RemoteFile& file : files) {
      const uint64_t had = BlobBytes(repository_, file.checksum);
      needed += file.bytes - std::min(file.bytes, had);
    }
    fs::create_directories(repository_.folder() / "blobs");
    std::error_code error;
    const fs::space_info space = fs::space(repository_.folder(), error);
    if (error || space.available >= needed) return;
    throw Error(StrCat(repository_.folder().string(), ": ", id_.repository, " takes ", needed, " bytes more, and only ",
                       space.available, " are free; make room, or set HF_HUB_CACHE to another disk"));
  }

  void Fetch(const RemoteFile& file) {
    const std::string url = FileUrl(file.name);
    FetchBlob({.repository = repository_,
               .http = http_,
               .url = url,
               .checksum = file.checksum,
               .bytes = file.bytes,
               .retry_delay = settings_.retry_delay,
               .progress = [this](uint64_t bytes) { progress_(done_ + bytes, std::max(total_, done_ + bytes)); },
               .fail = [this, &url](const HttpResponse& response) { FailStatus(response, url); }});
    done_ += file.bytes;
  }

  const HubSettings& settings_;
  const HubId& id_;
  const HubProgress& progress_;
  HttpClient http_;
  CachedRepository repository_;
  std::string commit_;
  std::set<std::string, std::less<>> names_;
  uint64_t done_ = 0;
  uint64_t total_ = 0;
};

}  // namespace

std::string DownloadModel(const HubSettings& settings, const HubId& id, const HubProgress& progress) {
  try {
    return Downloader(settings, id, progress).Run();
  } catch (const NetworkError& error) {
    throw Error(StrCat(id.repository,
                       ": it is neither a directory nor in the Hugging Face cache, and the Hub cannot be ",
                       "reached: ", error.what(), "; what came is kept: try again, or name a directory"));
  } catch (const fs::filesystem_error& error) {
    throw Error(StrCat(id.repository, ": cannot write the Hugging Face cache: ", error.what(),
                       "; set HF_HUB_CACHE to a directory that can be written"));
  }
}

}  // namespace w8a16
