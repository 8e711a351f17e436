#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace w8a16 {

/// The checksum by which the Hub names a file: SHA-256 of large ones (Git LFS), the object id of Git for others (SHA-1
/// of "blob SIZE\0" and the bytes).
class FileDigest {
 public:
  /// True for the 64 or 40 hexadecimal digits of such a checksum.
  static bool IsChecksum(std::string_view text);

  /// For a file of `bytes` bytes that `checksum` names.
  FileDigest(std::string_view checksum, uint64_t bytes);
  ~FileDigest();
  FileDigest(const FileDigest&) = delete;
  FileDigest& operator=(const FileDigest&) = delete;
  void Update(const void* data, size_t bytes);
  /// Of what Update got, in the same form as `checksum`. Ends the object's use.
  std::string Finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace w8a16
