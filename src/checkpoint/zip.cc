#include "checkpoint/zip.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

// Signatures and sizes of the records that APPNOTE.TXT, "ZIP File Format Specification", defines.
constexpr uint32_t kEndSignature = 0x06054b50;
constexpr uint32_t kEnd64Signature = 0x06064b50;
constexpr uint32_t kLocator64Signature = 0x07064b50;
constexpr uint32_t kCentralSignature = 0x02014b50;
constexpr uint32_t kLocalSignature = 0x04034b50;
constexpr uint64_t kEndBytes = 22;
constexpr uint64_t kEnd64Bytes = 56;
constexpr uint64_t kLocator64Bytes = 20;
constexpr uint64_t kCentralBytes = 46;
constexpr uint64_t kLocalBytes = 30;
constexpr uint64_t kMaxComment = 0xFFFF;
constexpr uint64_t kInZip64 = 0xFFFFFFFF;  // a 32-bit field whose value is in the zip64 extra field
constexpr uint16_t kZip64Extra = 1;

class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  std::vector<ZipEntry> Read() {
    const Directory directory = FindDirectory();
    std::vector<ZipEntry> entries;
    uint64_t at = directory.offset;
    for (uint64_t i = 0; i < directory.entries; ++i) entries.push_back(ReadCentral(at, directory));
    if (at != directory.offset + directory.bytes) Fail("its central directory has not the size that it declares");
    std::sort(entries.begin(), entries.end(), [](const ZipEntry& a, const ZipEntry& b) { return a.offset < b.offset; });
    CheckEntries(entries);
    return entries;
  }

 private:
  struct Directory {
    uint64_t entries;
    uint64_t bytes;
    uint64_t offset;
  };

  [[noreturn]] void Fail(const std::string& reason) const {
    throw Error(StrCat(file_, ": not a whole zip archive: ", reason, "; download or copy it again"));
  }
  [[noreturn]] void FailEntry(const std::string& name, const std::string& reason) const {
    throw Error(StrCat(file_, ": zip entry \"", name.substr(0, 200), "\": ", reason));
  }

  // Little-endian, `size` bytes at `at`.
  uint64_t Number(uint64_t at, int size) const {
    if (at > bytes_.size() || bytes_.size() - at < static_cast<uint64_t>(size)) Fail("a record passes its end");
    uint64_t value = 0;
    for (int i = size - 1; i >= 0; --i) value = value << 8 | std::to_integer<uint64_t>(bytes_[at + i]);
    return value;
  }
  uint16_t U16(uint64_t at) const { return static_cast<uint16_t>(Number(at, 2)); }
  uint32_t U32(uint64_t at) const { return static_cast<uint32_t>(Number(at, 4)); }
  uint64_t U64(uint64_t at) const { return Number(at, 8); }

  std::string Text(uint64_t at, uint64_t size) const {
    if (at > bytes_.size() || bytes_.size() - at < size) Fail("a name passes its end");
    return {reinterpret_cast<const char*>(bytes_.data()) + at, size};
  }

  // The record that ends the archive, before a comment of any length.
  uint64_t FindEnd() const {
    if (bytes_.size() < kEndBytes) Fail("it has no central directory");
    const uint64_t last = bytes_.size() - kEndBytes;
    const uint64_t first = last > kMaxComment ? last - kMaxComment : 0;
    for (uint64_t at = last + 1; at-- > first;) {
      if (U32(at) == kEndSignature && at + kEndBytes + U16(at + 20) == bytes_.size()) return at;
    }
    Fail("it has no central directory");
  }

  Directory FindDirectory() const {
    const uint64_t end = FindEnd();
    if (U16(end + 4) != 0 || U16(end + 6) != 0 || U16(end + 8) != U16(end + 10)) Fail("it has several parts");
    Directory directory = {U16(end + 10), U32(end + 12), U32(end + 16)};
    uint64_t limit = end;
    if (end >= kLocator64Bytes && U32(end - kLocator64Bytes) == kLocator64Signature) {
      const uint64_t end64 = U64(end - kLocator64Bytes + 8);
      limit = end - kLocator64Bytes;
      if (end64 > limit || limit - end64 < kEnd64Bytes || U32(end64) != kEnd64Signature) {
        Fail("its zip64 record is not where it says");
      }
      if (U64(end64 + 24) != U64(end64 + 32)) Fail("it has several parts");
      directory = {U64(end64 + 32), U64(end64 + 40), U64(end64 + 48)};
      limit = end64;
    }
    if (directory.offset > limit || directory.bytes > limit - directory.offset) {
      Fail("its central directory passes its end");
    }
    return directory;
  }

  ZipEntry ReadCentral(uint64_t& at, const Directory& directory) const {
    const uint64_t end = directory.offset + directory.bytes;
    if (at > end || end - at < kCentralBytes || U32(at) != kCentralSignature) {
      Fail("its central directory has fewer entries than it declares");
    }
    const uint64_t name_bytes = U16(at + 28);
    const uint64_t extra_bytes = U16(at + 30);
    ZipEntry entry;
    entry.name = Text(at + kCentralBytes, name_bytes);
    if ((U16(at + 8) & 1) != 0) FailEntry(entry.name, "it is encrypted");
    entry.stored = U16(at + 10) == 0;
    entry.bytes = U32(at + 20);
    uint64_t uncompressed = U32(at + 24);
    uint64_t local = U32(at + 42);
    ReadZip64Extra(at + kCentralBytes + name_bytes, extra_bytes, entry, uncompressed, local);
    if (entry.stored && uncompressed != entry.bytes) FailEntry(entry.name, "its stored size is not its size");
    at += kCentralBytes + name_bytes + extra_bytes + U16(at + 32);
    entry.offset = FindData(entry, local, directory.offset);
    return entry;
  }

  // Values that do not fit 32 bits, in the order of the fields that they replace.
  void ReadZip64Extra(uint64_t at, uint64_t bytes, ZipEntry& entry, uint64_t& uncompressed, uint64_t& local) const {
    const uint64_t end = at + bytes;
    while (end - at >= 4 && at < end) {
      const uint16_t id = U16(at);
      const uint64_t size = U16(at + 2);
      at += 4;
      if (size > end - at) FailEntry(entry.name, "an extra field passes the end of its record");
      if (id == kZip64Extra) {
        uint64_t field = at;
        for (uint64_t* value : {&uncompressed, &entry.bytes, &local}) {
          if (*value != kInZip64) continue;
          if (at + size - field < 8) FailEntry(entry.name, "its zip64 field is too short");
          *value = U64(field);
          field += 8;
        }
        return;
      }
      at += size;
    }
  }

  uint64_t FindData(const ZipEntry& entry, uint64_t local, uint64_t limit) const {
    if (local > limit || limit - local < kLocalBytes || U32(local) != kLocalSignature) {
      FailEntry(entry.name, "there is no entry where the central directory says; the file is damaged");
    }
    const uint64_t name_bytes = U16(local + 26);
    const uint64_t header = kLocalBytes + name_bytes + U16(local + 28);
    if (Text(local + kLocalBytes, name_bytes) != entry.name) {
      FailEntry(entry.name, "it has another name where its data lie; the file is damaged");
    }
    if (header > limit - local || entry.bytes > limit - local - header) {
      FailEntry(entry.name, StrCat("its ", entry.bytes, " bytes pass the end of the archive; the file is damaged"));
    }
    return local + header;
  }

  void CheckEntries(const std::vector<ZipEntry>& entries) const {
    std::unordered_set<std::string_view> names;
    for (size_t i = 0; i < entries.size(); ++i) {
      if (!names.insert(entries[i].name).second) FailEntry(entries[i].name, "it stands twice in the archive");
      if (i > 0 && entries[i].offset < entries[i - 1].offset + entries[i - 1].bytes) {
        FailEntry(entries[i].name, StrCat("its data overlap those of \"", entries[i - 1].name, "\""));
      }
    }
  }

  std::span<const std::byte> bytes_;
  const std::string& file_;
};

}  // namespace

std::vector<ZipEntry> ReadZip(std::span<const std::byte> bytes, const std::string& file) {
  return Reader(bytes, file).Read();
}

}  // namespace w8a16
