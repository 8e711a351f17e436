#pragma once

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "convert/convert.h"
#include "convert/journal.h"

namespace w8a16 {

/// An exclusive lock of a directory. It goes with the process, however that ends.
class DirectoryLock {
 public:
  /// Throws Error where another run has it; `destination` is what it would be writing.
  DirectoryLock(const std::filesystem::path& path, const std::filesystem::path& destination);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  int fd_;
};

/// The directory beside the destination that a conversion fills, locked against other runs. Whether it stays when this
/// object ends without Publish is for Keep and Discard to say: otherwise one that was there before stays, and one that
/// was made goes. The destination is as it was until Publish. All functions throw Error naming the path.
class WorkDirectory {
 public:
  /// Makes it, or takes up what an earlier run left (with options.resume; without it that is refused). Refuses a
  /// destination that is `source`, or that the weights of `source` really lie in (links), or, without options.force,
  /// that is not empty.
  WorkDirectory(const std::filesystem::path& source, const std::filesystem::path& destination,
                const OutputOptions& options);
  ~WorkDirectory();
  WorkDirectory(const WorkDirectory&) = delete;
  WorkDirectory& operator=(const WorkDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// What the earlier run wrote down; nothing where this one begins.
  std::optional<Journal>& journal() { return journal_; }

  void WriteText(const std::string& name, std::string_view text) const;
  void CopyFile(const std::filesystem::path& from) const;
  /// Throws Error where the file system has no room for `bytes` more.
  void RequireSpace(uint64_t bytes) const;

  /// Throws Error where a directory in the destination has the name of one of the files.
  void RequireNames(const std::vector<std::string>& files) const;

  /// There is work here that another run can go on with. From any thread.
  void Keep() { fate_ = Fate::kStays; }
  /// Nothing here is worth keeping.
  void Discard() { fate_ = Fate::kGoes; }
  /// True where the directory stays when this object ends now.
  bool stays() const { return fate_ == Fate::kStays; }

  /// Gives the files, which are all that the directory holds, their places: a destination that is not there appears
  /// whole, by one rename; in one that is there, its old weight files and indexes go, then the files come one by one in
  /// their order, which ends with config.json (an old one goes first: what has none cannot be taken for a checkpoint).
  void Publish(const std::vector<std::string>& files);

 private:
  enum class Fate : uint8_t { kStays, kGoes };

  void CheckDestination(const std::filesystem::path& source, bool force) const;
  void MakeDirectories();
  void MoveInto(const std::vector<std::string>& files);

  std::filesystem::path destination_;
  std::filesystem::path path_;
  std::vector<std::filesystem::path> created_;  // directories above, outermost first
  std::optional<Journal> journal_;
  std::atomic<Fate> fate_ = Fate::kStays;
  bool published_ = false;
  std::optional<DirectoryLock> lock_;
};

}  // namespace w8a16
