#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "hub/hub_id.h"

namespace w8a16 {

/// The folder of one model in the cache of huggingface_hub: blobs/ (files by their checksums), snapshots/COMMIT/ (links
/// to them by their names), refs/ (the commits of branches and tags). What it writes, huggingface_hub reads.
class CachedRepository {
 public:
  CachedRepository(std::filesystem::path cache, const HubId& id);

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path Blob(const std::string& checksum) const { return folder_ / "blobs" / checksum; }
  std::filesystem::path Snapshot(const std::string& commit) const { return folder_ / "snapshots" / commit; }
  /// What processes that fetch the same blob wait for each other with.
  std::filesystem::path Lock(const std::string& checksum) const;
  /// The commit that the revision is known to be; nothing where it is not known.
  std::optional<std::string> FindCommit() const;
  /// Writes what FindCommit finds.
  void SetCommit(const std::string& commit) const;
  /// Makes snapshots/`commit`/`name` a link to the blob, replacing what has the name.
  void Link(const std::string& commit, const std::string& name, const std::string& checksum) const;

 private:
  std::filesystem::path cache_;
  std::filesystem::path folder_;
  std::string revision_;
};

/// The files that a directory lacks to be a checkpoint: config.json, weights, shards that an index names. Throws Error
/// where an index is malformed.
std::vector<std::string> MissingFiles(const std::filesystem::path& directory);

}  // namespace w8a16
