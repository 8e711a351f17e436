#include "convert/shard_file.h"

#include <algorithm>
#include <string>

#include "checkpoint/mapped_file.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace w8a16 {
namespace {

uint64_t Combine(const std::vector<uint64_t>& hashes) {
  return XXH3_64bits(hashes.data(), hashes.size() * sizeof(uint64_t));
}

}  // namespace

struct ShardFile::Stream {
  Stream() { XXH3_64bits_reset(&state); }
  XXH3_state_t state;
  uint64_t bytes = 0;
};

ShardFile::ShardFile(const std::filesystem::path& path, const std::vector<SafetensorsWriter::Declaration>& tensors)
    : writer_(path, tensors) {
  const std::string header = SafetensorsWriter::Header(path, tensors);
  header_hash_ = XXH3_64bits(header.data(), header.size());
  for (size_t i = 0; i < tensors.size(); ++i) streams_.push_back(std::make_unique<Stream>());
}

ShardFile::~ShardFile() = default;

void ShardFile::Append(size_t tensor, const void* data, size_t bytes) {
  Stream& stream = *streams_.at(tensor);
  writer_.Write(tensor, stream.bytes, data, bytes);
  XXH3_64bits_update(&stream.state, data, bytes);
  stream.bytes += bytes;
}

uint64_t ShardFile::Finish() {
  std::vector<uint64_t> hashes = {header_hash_};
  for (const auto& stream : streams_) hashes.push_back(XXH3_64bits_digest(&stream->state));
  writer_.Finish();
  return Combine(hashes);
}

uint64_t ShardChecksum(const std::filesystem::path& path, const std::function<void()>& read) {
  constexpr uint64_t kBlock = uint64_t{8} << 20;
  const auto file = MappedFile::Open(path);
  const std::vector<TensorInfo> tensors = ParseSafetensors(file->bytes(), path.string());
  const std::byte* data = file->bytes().data();
  const uint64_t data_begin = tensors.empty() ? file->bytes().size() : tensors.front().offset;
  std::vector<uint64_t> hashes = {XXH3_64bits(data, data_begin)};
  XXH3_state_t state;
  for (const TensorInfo& tensor : tensors) {
    XXH3_64bits_reset(&state);
    for (uint64_t begin = 0; begin < tensor.bytes; begin += kBlock) {
      const uint64_t bytes = std::min(kBlock, tensor.bytes - begin);
      const uint64_t offset = tensor.offset + begin;
      file->Prefetch(offset + bytes, kBlock);
      XXH3_64bits_update(&state, data + offset, bytes);
      file->Release(offset, bytes);
      read();
    }
    hashes.push_back(XXH3_64bits_digest(&state));
  }
  return Combine(hashes);
}

}  // namespace w8a16
