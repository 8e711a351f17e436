#pragma once

#include <filesystem>

namespace w8a16 {

/// A directory for scratch files that is removed with all it holds when the object ends. Throws Error where none can be
/// made.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace w8a16
