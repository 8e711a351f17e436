#include "convert/work_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/strings.h"
#include "checkpoint/atomic_file.h"
#include "checkpoint/mapped_file.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

namespace fs = std::filesystem;

bool IsWeightFile(const std::string& name) {
  return name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json");
}

// The name that the destination's siblings go by: "out/" is "out", and what is reached by a link or by dots is what it
// leads to.
fs::path Resolved(fs::path destination) {
  if (!destination.has_filename()) destination = destination.parent_path();
  const fs::path name = destination.filename();
  std::error_code error;
  if (fs::is_symlink(destination, error) || name == "." || name == ".." || destination.empty()) {
    const fs::path real = fs::weakly_canonical(destination.empty() ? fs::path(".") : destination, error);
    if (!error) destination = real;
  }
  return destination;
}

void Rename(const fs::path& from, const fs::path& to) {
  if (std::rename(from.c_str(), to.c_str()) == 0) return;
  throw Error(StrCat("cannot write ", to.string(), ": ", std::strerror(errno)));
}

// A rename is on the disk when the directory is.
void SyncDirectory(const fs::path& path) {
  const int fd = open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

void RefuseSource(const fs::path& source, const fs::path& destination) {
  if (fs::equivalent(source, destination)) {
    throw Error(StrCat("the output ", destination.string(), " is the input itself; name another directory"));
  }
  for (const auto& entry : fs::directory_iterator(source)) {
    // The weights of a hub cache are links to files elsewhere.
    if (!entry.is_regular_file() || !entry.is_symlink()) continue;
    const fs::path file = fs::canonical(entry.path());
    if (fs::equivalent(file.parent_path(), destination)) {
      throw Error(StrCat(entry.path().string(), " is a link to ", file.string(),
                         ", which lies in the output directory ", destination.string(), "; name another directory"));
    }
  }
}

// On another file system than its parent nothing beside it can be renamed into it.
void RefuseMountPoint(const fs::path& destination) {
  struct stat inside {};
  struct stat outside {};
  const fs::path parent = destination / "..";
  if (stat(destination.c_str(), &inside) != 0 || stat(parent.c_str(), &outside) != 0) return;
  if (inside.st_dev == outside.st_dev) return;
  throw Error(StrCat("the output directory ", destination.string(),
                     " is a mount point, and the work is done beside it, on another disk; name a directory inside it"));
}

// Where the one file that a run makes before its journal was all it came to.
bool HoldsNothing(const fs::path& directory) {
  return std::all_of(fs::directory_iterator(directory), fs::directory_iterator(), [](const fs::directory_entry& entry) {
    return entry.path().filename() == StrCat(Journal::kFile, kPartialSuffix);
  });
}

}  // namespace

DirectoryLock::DirectoryLock(const fs::path& path, const fs::path& destination)
    : fd_(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  struct stat locked {};
  struct stat named {};
  // Between the steps the run that had it may have finished, and the name gone or come to mean another directory.
  const bool held = fd_ >= 0 && flock(fd_, LOCK_EX | LOCK_NB) == 0 && fstat(fd_, &locked) == 0 &&
                    stat(path.c_str(), &named) == 0 && locked.st_ino == named.st_ino;
  if (held) return;
  const int cause = errno;
  if (fd_ >= 0) close(fd_);
  if (cause == ENOLCK || cause == EACCES || cause == ENOTSUP) {
    throw Error(StrCat("cannot lock ", path.string(), ": ", std::strerror(cause), "; name an output on another disk"));
  }
  throw Error(StrCat("another run is writing ", destination.string(), " just now (it holds the lock of ", path.string(),
                     "); wait for it, or name another output"));
}

DirectoryLock::~DirectoryLock() { close(fd_); }

fs::path WorkPath(const fs::path& destination) {
  fs::path path = Resolved(destination);
  path += kPartialSuffix;
  return path;
}

WorkDirectory::WorkDirectory(const fs::path& source, const fs::path& destination, const OutputOptions& options)
    : destination_(Resolved(destination)), path_(WorkPath(destination)) {
  if (!fs::exists(fs::symlink_status(path_))) {
    CheckDestination(source, options.force);
    MakeDirectories();
    lock_.emplace(path_, destination_);
    return;
  }
  if (!fs::is_directory(path_)) {
    throw Error(StrCat(path_.string(), " is in the way: the work for ", destination_.string(),
                       " is done in a directory of that name; rename it or name another output"));
  }
  RefuseSource(source, path_);
  lock_.emplace(path_, destination_);
  if (HoldsNothing(path_)) {
    CheckDestination(source, options.force);
    fate_ = Fate::kGoes;
    return;
  }
  const bool ours = fs::exists(path_ / Journal::kFile);
  if (!ours) {
    throw Error(StrCat(path_.string(), " is in the way, and was not made by this program: it has no ", Journal::kFile,
                       "; rename it or name another output"));
  }
  if (!options.resume) {
    throw Error(StrCat(path_.string(), " holds what an interrupted run finished of ", destination_.string(),
                       "; go on with it by --resume, or remove it"));
  }
  journal_ = Journal::Read(path_);
  if (journal_->publication().empty()) CheckDestination(source, options.force);
}

WorkDirectory::~WorkDirectory() {
  if (!published_ && fate_ == Fate::kGoes) {
    std::error_code ignored;  // nothing more can be done about it here
    fs::remove_all(path_, ignored);
    for (auto directory = created_.rbegin(); directory != created_.rend(); ++directory) fs::remove(*directory, ignored);
  }
}

void WorkDirectory::CheckDestination(const fs::path& source, bool force) const {
  if (!fs::exists(destination_)) return;
  if (!fs::is_directory(destination_)) {
    throw Error(StrCat(destination_.string(), " is not a directory; name another output"));
  }
  RefuseSource(source, destination_);
  RefuseMountPoint(destination_);
  // What a run that was killed after its last rename left.
  fs::remove(destination_ / Journal::kFile);
  if (!force && !fs::is_empty(destination_)) {
    throw Error(StrCat("the output directory ", destination_.string(),
                       " is not empty; name another one, or replace the weight files in it with --force"));
  }
}

void WorkDirectory::MakeDirectories() {
  std::vector<fs::path> missing;
  for (fs::path at = fs::absolute(path_).lexically_normal(); !fs::exists(at); at = at.parent_path()) {
    missing.push_back(at);
  }
  for (auto directory = missing.rbegin(); directory != missing.rend(); ++directory) {
    std::error_code error;
    fs::create_directory(*directory, error);
    if (error) {
      for (auto made = created_.rbegin(); made != created_.rend(); ++made) fs::remove(*made);
      throw Error(StrCat("cannot make the directory ", directory->string(), ": ", error.message()));
    }
    created_.push_back(*directory);
  }
  fate_ = Fate::kGoes;
}

void WorkDirectory::WriteText(const std::string& name, std::string_view text) const {
  WriteTextFile(path_ / name, text);
}

void WorkDirectory::CopyFile(const fs::path& from) const {
  constexpr size_t kBlock = size_t{8} << 20;
  const auto source = MappedFile::Open(from);
  AtomicFile file(path_ / from.filename());
  file.Reserve(source->bytes().size());
  for (size_t begin = 0; begin < source->bytes().size(); begin += kBlock) {
    const size_t bytes = std::min(kBlock, source->bytes().size() - begin);
    file.WriteAt(begin, source->bytes().data() + begin, bytes);
    source->Release(begin, bytes);
  }
  file.Commit();
}

void WorkDirectory::RequireSpace(uint64_t bytes) const {
  struct statvfs disk {};
  if (statvfs(path_.c_str(), &disk) != 0 || disk.f_blocks == 0) return;  // not every file system says
  const uint64_t available = uint64_t{disk.f_bavail} * uint64_t{disk.f_frsize};
  if (bytes <= available) return;
  throw Error(StrCat("cannot write ", path_.string(), ": ", std::strerror(ENOSPC), ": ", bytes, " bytes are needed, ",
                     available, " are available; make room, or name an output on another disk"));
}

void WorkDirectory::RequireNames(const std::vector<std::string>& files) const {
  for (const std::string& name : files) {
    if (!fs::is_directory(destination_ / name)) continue;
    throw Error(StrCat("cannot write ", (destination_ / name).string(), ": a directory has that name; rename it"));
  }
}

void WorkDirectory::Publish(const std::vector<std::string>& files) {
  if (journal_->publication().empty() && !fs::exists(destination_)) {
    SyncDirectory(path_);
    Rename(path_, destination_);
    published_ = true;
    fs::remove(destination_ / Journal::kFile);
  } else {
    MoveInto(files);
  }
  SyncDirectory(destination_.parent_path());
}

void WorkDirectory::MoveInto(const std::vector<std::string>& files) {
  RequireNames(files);
  if (journal_->publication().empty()) journal_->AddPublication(files);
  Keep();
  fs::create_directory(destination_);
  // What still lies here is not yet there under its name, so what has it is old.
  const auto is_old = [&](const std::string& name) {
    const bool moved = std::find(files.begin(), files.end(), name) != files.end() && !fs::exists(path_ / name);
    return !moved && (IsWeightFile(name) || name == files.back());
  };
  std::vector<fs::path> old;
  for (const auto& entry : fs::directory_iterator(destination_)) {
    if (!entry.is_directory() && is_old(entry.path().filename().string())) old.push_back(entry.path());
  }
  for (const fs::path& path : old) fs::remove(path);
  for (const std::string& name : files) {
    if (fs::exists(path_ / name)) {
      Rename(path_ / name, destination_ / name);
    } else if (!fs::exists(destination_ / name)) {
      throw Error(StrCat((path_ / name).string(), " is gone; remove ", path_.string(), " and start anew"));
    }
  }
  SyncDirectory(destination_);
  published_ = true;
  fs::remove_all(path_);
}

}  // namespace w8a16
