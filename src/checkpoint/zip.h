#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace w8a16 {

/// One file of a zip archive.
struct ZipEntry {
  std::string name;
  uint64_t offset = 0;  ///< of its first byte, from the start of the archive
  uint64_t bytes = 0;   ///< in the archive
  bool stored = true;   ///< its bytes lie in the archive as they are; else they are compressed
};

/// The entries of a zip archive (zip64 too), in the order of their data. Throws Error naming `file` and the entry for
/// what is malformed, encrypted, overlaps another entry, or has a name that stands twice.
std::vector<ZipEntry> ReadZip(std::span<const std::byte> bytes, const std::string& file);

}  // namespace w8a16
