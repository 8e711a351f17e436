#include "hub/cache.h"

#include <unistd.h>

#include "base/strings.h"
#include "checkpoint/atomic_file.h"
#include "checkpoint/json.h"
#include "checkpoint/weight_format.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

namespace fs = std::filesystem;

std::string FolderName(const HubId& id) {
  const size_t slash = id.repository.find('/');
  return StrCat("models--", id.repository.substr(0, slash), "--", id.repository.substr(slash + 1));
}

// Links that lead nowhere (a blob that was removed) do not count.
bool Exists(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

}  // namespace

CachedRepository::CachedRepository(fs::path cache, const HubId& id)
    : cache_(std::move(cache)), folder_(cache_ / FolderName(id)), revision_(id.revision) {}

fs::path CachedRepository::Lock(const std::string& checksum) const {
  return cache_ / ".locks" / folder_.filename() / (checksum + ".lock");
}

std::optional<std::string> CachedRepository::FindCommit() const {
  if (IsCommit(revision_)) return Exists(Snapshot(revision_)) ? std::optional(revision_) : std::nullopt;
  const fs::path ref = folder_ / "refs" / revision_;
  if (!Exists(ref) || fs::is_directory(ref)) return std::nullopt;
  std::string commit = ReadTextFile(ref);
  while (commit.ends_with('\n')) commit.pop_back();
  if (!IsCommit(commit)) {
    throw Error(StrCat(ref.string(), ": it does not hold a commit; remove it, and the model is looked up again"));
  }
  return commit;
}

void CachedRepository::SetCommit(const std::string& commit) const {
  if (IsCommit(revision_)) return;
  const fs::path ref = folder_ / "refs" / revision_;
  fs::create_directories(ref.parent_path());
  WriteTextFile(ref, commit);
}

void CachedRepository::Link(const std::string& commit, const std::string& name, const std::string& checksum) const {
  const fs::path link = Snapshot(commit) / name;
  fs::create_directories(link.parent_path());
  const fs::path target = fs::path("..") / ".." / "blobs" / checksum;
  std::error_code ignored;
  if (fs::read_symlink(link, ignored) == target) return;
  // Beside the name and then renamed: others see the former link or the new one.
  const fs::path fresh = StrCat(link.string(), ".", getpid(), kPartialSuffix);
  fs::remove(fresh);
  fs::create_symlink(target, fresh);
  fs::rename(fresh, link);
}

std::vector<std::string> MissingFiles(const fs::path& directory) {
  std::vector<std::string> missing;
  if (!Exists(directory / "config.json")) missing.emplace_back("config.json");
  for (const WeightFormat& format : WeightFormats()) {
    if (Exists(directory / format.single_file)) return missing;
    if (!Exists(directory / format.index_file)) continue;
    for (const std::string& shard : FindShards(ReadIndex(directory / format.index_file, format, ThrowProblem))) {
      if (!Exists(directory / shard)) missing.push_back(shard);
    }
    return missing;
  }
  missing.emplace_back(WeightFormats().front().single_file);
  return missing;
}

}  // namespace w8a16
