#include "checkpoint/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {

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

void AtomicFile::Fail() const { throw Error(StrCat("cannot write ", path_.string(), ": ", std::strerror(errno))); }

void AtomicFile::WriteAt(uint64_t offset, const void* data, size_t bytes) {
  const auto* from = static_cast<const std::byte*>(data);
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
