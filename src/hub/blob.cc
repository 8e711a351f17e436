#include "hub/blob.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "hub/digest.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxAttempts = 5;  // in a row that bring no byte
constexpr std::string_view kIncomplete = ".incomplete";

[[noreturn]] void FailFile(const fs::path& path) {
  const int error = errno;
  throw Error(StrCat("cannot write ", path.string(), ": ", std::strerror(error),
                     error == ENOSPC ? "; make room and run again: what came is kept" : ""));
}

class Descriptor {
 public:
  explicit Descriptor(const fs::path& path) : fd_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
    if (fd_ < 0) FailFile(path);
  }
  ~Descriptor() { close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

fs::path IncompletePath(const CachedRepository& repository, const std::string& checksum) {
  fs::path path = repository.Blob(checksum);
  path += kIncomplete;
  return path;
}

class Fetcher {
 public:
  explicit Fetcher(const BlobRequest& request)
      : request_(request), path_(IncompletePath(request.repository, request.checksum)), file_(path_) {}

  void Run() {
    HashWhatIsThere();
    for (int attempt = 1; have_ < request_.bytes;) {
      const uint64_t before = have_;
      try {
        Transfer();
      } catch (const NetworkError&) {
        attempt = have_ > before ? 1 : attempt + 1;
        if (attempt > kMaxAttempts) throw;
        std::this_thread::sleep_for(request_.retry_delay * attempt);
      }
    }
    Finish();
  }

 private:
  void HashWhatIsThere() {
    Restart(false);
    std::vector<char> buffer(1 << 20);
    for (;;) {
      const ssize_t got = pread(file_.get(), buffer.data(), buffer.size(), static_cast<off_t>(have_));
      if (got < 0) FailFile(path_);
      if (got == 0) break;
      digest_->Update(buffer.data(), static_cast<size_t>(got));
      have_ += static_cast<uint64_t>(got);
    }
    if (have_ > request_.bytes) Restart(true);
  }

  void Restart(bool truncate) {
    if (truncate && ftruncate(file_.get(), 0) != 0) FailFile(path_);
    digest_.emplace(request_.checksum, request_.bytes);
    have_ = 0;
  }

  void Transfer() {
    const uint64_t from = have_;
    bool first = true;
    const HttpResponse response =
        request_.http.Download(request_.url, from, [&](const HttpResponse& head, std::span<const std::byte> bytes) {
          // A server that does not know ranges begins from the start.
          if (std::exchange(first, false) && head.status != 206 && from > 0) Restart(true);
          Append(bytes);
        });
    if (response.status / 100 == 5) throw NetworkError(StrCat(request_.url, " answers with status ", response.status));
    if (response.status == 416 && from > 0) {
      Restart(true);  // the half file is of no use
    } else if (response.status / 100 != 2) {
      request_.fail(response);
    } else if (have_ < request_.bytes) {
      throw NetworkError(StrCat(request_.url, ": the server sent ", have_, " of ", request_.bytes, " bytes"));
    }
  }

  void Append(std::span<const std::byte> bytes) {
    if (bytes.size() > request_.bytes - have_) {
      Discard(StrCat("the server sends more than ", request_.bytes, " bytes"));
    }
    digest_->Update(bytes.data(), bytes.size());
    while (!bytes.empty()) {
      const ssize_t wrote = pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(have_));
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) FailFile(path_);
      have_ += static_cast<uint64_t>(wrote);
      bytes = bytes.subspan(static_cast<size_t>(wrote));
    }
    request_.progress(have_);
  }

  void Finish() {
    const std::string checksum = digest_->Finish();
    if (checksum != request_.checksum) {
      Discard(StrCat("the checksum of what came is ", checksum, ", but the server gave ", request_.checksum));
    }
    if (fsync(file_.get()) != 0) FailFile(path_);
    fs::rename(path_, request_.repository.Blob(request_.checksum));
  }

  [[noreturn]] void Discard(const std::string& reason) const {
    std::error_code ignored;
    fs::remove(path_, ignored);
    throw Error(StrCat(request_.url, ": ", reason, "; what came was removed: try again"));
  }

  const BlobRequest& request_;
  fs::path path_;
  Descriptor file_;
  std::optional<FileDigest> digest_;
  uint64_t have_ = 0;
};

}  // namespace

void FetchBlob(const BlobRequest& request) {
  const fs::path blob = request.repository.Blob(request.checksum);
  const fs::path lock_path = request.repository.Lock(request.checksum);
  fs::create_directories(blob.parent_path());
  fs::create_directories(lock_path.parent_path());
  // Another process may be at it, huggingface_hub with the same lock: then its result is taken.
  const Descriptor lock(lock_path);
  while (flock(lock.get(), LOCK_EX) != 0) {
    if (errno != EINTR) FailFile(lock_path);
  }
  if (!fs::exists(blob)) Fetcher(request).Run();
  request.progress(request.bytes);
}

uint64_t BlobBytes(const CachedRepository& repository, const std::string& checksum) {
  for (const fs::path& path : {repository.Blob(checksum), IncompletePath(repository, checksum)}) {
    std::error_code error;
    const uintmax_t bytes = fs::file_size(path, error);
    if (!error) return bytes;
  }
  return 0;
}

}  // namespace w8a16
