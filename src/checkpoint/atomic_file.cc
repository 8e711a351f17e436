#include "checkpoint/atomic_file.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

// From this size on, writing to the disk starts at once: Sync then has little left to wait for, and dirty pages do not
// pile up. Smaller pieces are cheaper together.
constexpr size_t kEarlyWriteback = size_t{1} << 20;

uint64_t BytesAvailable(const struct statvfs& disk) { return uint64_t{disk.f_bavail} * uint64_t{disk.f_frsize}; }

// For the message about a full disk.
std::string SpaceLeft(const std::filesystem::path& file, uint64_t needed) {
  struct statvfs disk {};
  if (statvfs(file.c_str(), &disk) != 0) return "";
  if (disk.f_files > 0 && disk.f_favail == 0) return ": the disk has no room for more files (no inodes are left)";
  return StrCat(": ", needed > 0 ? StrCat(needed, " bytes are needed, ") : "", BytesAvailable(disk), " are available");
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)), partial_(path_) {
  partial_ += kPartialSuffix;
  // What a killed run left goes first; O_EXCL then never writes through a link that lies there.
  unlink(partial_.c_str());
  fd_ = open(partial_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd_ < 0) Fail();
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) close(fd_);
  if (!committed_) unlink(partial_.c_str());
}

void AtomicFile::Fail() const {
  const int cause = errno;
  const bool full = cause == ENOSPC || cause == EDQUOT;
  throw Error(StrCat("cannot write ", path_.string(), ": ", std::strerror(cause),
                     full ? SpaceLeft(fd_ < 0 ? path_.parent_path() : partial_, reserved_) : ""));
}

void AtomicFile::Reserve(uint64_t bytes) {
  reserved_ = bytes;
  // Asked for more than there is, some file systems take all of it before they give up: a moment in which other
  // programs find the disk full.
  struct statvfs disk {};
  if (fstatvfs(fd_, &disk) == 0 && disk.f_blocks > 0 && bytes > BytesAvailable(disk)) {
    errno = ENOSPC;
    Fail();
  }
  if (bytes == 0 || fallocate(fd_, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes)) == 0) return;
  if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) Fail();
}

void AtomicFile::WriteAt(uint64_t offset, const void* data, size_t bytes) {
  const auto* from = static_cast<const std::byte*>(data);
  const uint64_t begin = offset;
  while (bytes > 0) {
    const ssize_t wrote = pwrite(fd_, from, bytes, static_cast<off_t>(offset));
    if (wrote < 0) {
      if (errno == EINTR) continue;
      Fail();
    }
    from += wrote;
    offset += static_cast<uint64_t>(wrote);
    bytes -= static_cast<size_t>(wrote);
  }
  if (offset - begin >= kEarlyWriteback) {
    sync_file_range(fd_, static_cast<off_t>(begin), static_cast<off_t>(offset - begin), SYNC_FILE_RANGE_WRITE);
  }
}

void AtomicFile::Sync() {
  // Some file systems report a full disk only here.
  if (fd_ < 0) return;
  if (fsync(fd_) != 0 && errno != EINVAL) Fail();
  if (close(std::exchange(fd_, -1)) != 0) Fail();
}

void AtomicFile::Commit() {
  Sync();
  if (std::rename(partial_.c_str(), path_.c_str()) != 0) Fail();
  committed_ = true;
}

void WriteTextFile(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.WriteAt(0, text.data(), text.size());
  file.Commit();
}

}  // namespace w8a16
