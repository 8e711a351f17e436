#include "checkpoint/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

[[noreturn]] void Fail(const std::filesystem::path& path, const char* reason) {
  throw Error(StrCat("cannot open ", path.string(), ": ", reason));
}

struct Descriptor {
  int fd;
  ~Descriptor() { close(fd); }
};

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::Open(const std::filesystem::path& path) {
  // Without O_NONBLOCK, opening a named pipe would wait for a writer.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) Fail(path, std::strerror(errno));
  const Descriptor descriptor{fd};
  struct stat status {};
  if (fstat(fd, &status) != 0) Fail(path, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) Fail(path, "it is not a regular file");

  std::shared_ptr<MappedFile> file(new MappedFile);
  const auto size = static_cast<size_t>(status.st_size);
  if (size == 0) return file;  // mmap refuses an empty range
  void* data = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) Fail(path, std::strerror(errno));
  file->data_ = static_cast<std::byte*>(data);
  file->size_ = size;
  return file;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(data_, size_);
}

void MappedFile::Release(uint64_t offset, uint64_t bytes) const {
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  const uint64_t begin = (offset + page - 1) / page * page;
  const uint64_t end = std::min<uint64_t>(offset + bytes, size_) / page * page;
  if (begin < end) madvise(data_ + begin, end - begin, MADV_DONTNEED);
}

void MappedFile::Prefetch(uint64_t offset, uint64_t bytes) const {
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  const uint64_t begin = offset / page * page;
  const uint64_t end = bytes < size_ - std::min<uint64_t>(offset, size_) ? offset + bytes : size_;
  if (begin < end) madvise(data_ + begin, end - begin, MADV_WILLNEED);
}

}  // namespace w8a16
