#include <string>
#include <unordered_set>
#include <utility>

#include "base/strings.h"
#include "checkpoint/json.h"
#include "checkpoint/safetensors.h"
#include "w8a16/error.h"

namespace w8a16 {

std::string SafetensorsWriter::Header(const std::filesystem::path& path, const std::vector<Declaration>& tensors) {
  // As text: an ordered Json object takes quadratic time to fill.
  std::string header = R"({"__metadata__":{"format":"pt"})";
  std::unordered_set<std::string_view> names;
  uint64_t begin = 0;
  for (const Declaration& tensor : tensors) {
    if (!names.insert(tensor.name).second) {
      throw Error(StrCat("cannot write ", path.string(), ": tensor \"", tensor.name, "\" stands twice"));
    }
    const uint64_t end = begin + TensorView{nullptr, tensor.dtype, tensor.shape}.Bytes();
    const Json info = {{"dtype", DTypeName(tensor.dtype)}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
    header += StrCat(",", Json(tensor.name).dump(), ":", info.dump());
    begin = end;
  }
  header += '}';
  header.resize((header.size() + 7) / 8 * 8, ' ');
  if (header.size() > kMaxSafetensorsHeader) {
    throw Error(StrCat("cannot write ", path.string(), ": ", tensors.size(),
                       " tensors need a header longer than the format allows; use more shards"));
  }
  std::string prefix;
  for (int shift = 0; shift < 64; shift += 8) prefix += static_cast<char>(header.size() >> shift & 0xFF);
  return prefix + header;
}

SafetensorsWriter::SafetensorsWriter(std::filesystem::path path, const std::vector<Declaration>& tensors)
    : file_(std::move(path)) {
  offsets_.push_back(0);
  for (const Declaration& tensor : tensors) {
    offsets_.push_back(offsets_.back() + TensorView{nullptr, tensor.dtype, tensor.shape}.Bytes());
  }
  const std::string header = Header(file_.path(), tensors);
  data_begin_ = header.size();
  file_.Reserve(data_begin_ + offsets_.back());
  file_.WriteAt(0, header.data(), header.size());
}

void SafetensorsWriter::Write(size_t tensor, uint64_t offset, const void* data, size_t bytes) {
  if (tensor + 1 >= offsets_.size() || offset > offsets_[tensor + 1] - offsets_[tensor] ||
      bytes > offsets_[tensor + 1] - offsets_[tensor] - offset) {
    throw Error(StrCat("cannot write ", file_.path().string(), ": bytes outside tensor number ", tensor));
  }
  WriteData(offsets_[tensor] + offset, data, bytes);
}

void SafetensorsWriter::Append(const void* data, size_t bytes) {
  if (bytes > offsets_.back() - appended_) {
    throw Error(StrCat("cannot write ", file_.path().string(), ": more bytes than were declared"));
  }
  WriteData(appended_, data, bytes);
  appended_ += bytes;
}

void SafetensorsWriter::WriteData(uint64_t offset, const void* data, size_t bytes) {
  file_.WriteAt(data_begin_ + offset, data, bytes);
  written_ += bytes;
}

void SafetensorsWriter::Sync() {
  if (written_ != offsets_.back()) {
    throw Error(StrCat("cannot write ", file_.path().string(), ": ", written_, " bytes of data came, ", offsets_.back(),
                       " were declared"));
  }
  file_.Sync();
}

void SafetensorsWriter::Finish() {
  Sync();
  file_.Commit();
}

}  // namespace w8a16
