#include "checkpoint/torch_file.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/strings.h"
#include "checkpoint/pickle.h"
#include "checkpoint/zip.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

constexpr std::string_view kZipMagic = "PK\x03\x04";
// The pickled number 0x1950a86a20f9469cfc6c that begins files of PyTorch before 1.6.
constexpr std::string_view kLegacyMagic = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
constexpr std::string_view kPickle = "data.pkl";

std::string_view Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void CheckMagic(std::span<const std::byte> bytes, const std::string& file) {
  RefuseLfsPointer(bytes, file);
  const std::string_view all = Text(bytes);
  if (all.starts_with(kZipMagic)) return;
  if (all.starts_with(kLegacyMagic)) {
    throw Error(StrCat(file, ": it has the format of PyTorch before 1.6; save it again: python3 -c \"import torch; ",
                       "torch.save(torch.load('", file, "', map_location='cpu'), '", file, "')\""));
  }
  throw Error(StrCat(file, ": not a file of torch.save: it is no zip archive; download or copy it again"));
}

// The archive: its entries by their names below the one directory that holds all.
class Archive {
 public:
  Archive(std::span<const std::byte> bytes, const std::string& file) : bytes_(bytes) {
    const std::vector<ZipEntry> entries = ReadZip(bytes, file);
    const auto pickle = std::find_if(entries.begin(), entries.end(), [](const ZipEntry& entry) {
      return entry.name == kPickle || entry.name.ends_with(StrCat("/", kPickle));
    });
    if (pickle == entries.end()) {
      throw Error(StrCat(file, ": not a file of torch.save: the zip archive has no ", kPickle));
    }
    const std::string root = pickle->name.substr(0, pickle->name.size() - kPickle.size());
    for (const ZipEntry& entry : entries) {
      if (entry.name.starts_with(root)) entries_.emplace(entry.name.substr(root.size()), entry);
    }
    if (Find("constants.pkl") != nullptr) {
      throw Error(StrCat(file, ": it is a TorchScript program (torch.jit.save), not a list of tensors; save ",
                         "model.state_dict() with torch.save"));
    }
    for (const auto& [name, entry] : entries_) {
      if (!entry.stored) {
        throw Error(StrCat(file, ": zip entry \"", entry.name, "\" is compressed, and PyTorch stores tensors as they ",
                           "are; unpack the archive and zip it again with \"zip -0 -r\""));
      }
    }
    // Files of PyTorch before 2.1 do not say; all machines that wrote them for others are little-endian.
    if (const ZipEntry* order = Find("byteorder"); order != nullptr && Text(Data(*order)) != "little") {
      throw Error(StrCat(file, ": its numbers are not little-endian; save it again on an ordinary machine"));
    }
  }

  const ZipEntry* Find(const std::string& name) const {
    const auto found = entries_.find(name);
    return found == entries_.end() ? nullptr : &found->second;
  }
  std::span<const std::byte> Data(const ZipEntry& entry) const { return bytes_.subspan(entry.offset, entry.bytes); }

 private:
  std::span<const std::byte> bytes_;
  std::unordered_map<std::string, ZipEntry> entries_;
};

[[noreturn]] void FailTensor(const std::string& file, const PickledTensor& tensor, const std::string& reason) {
  throw Error(StrCat(file, ": tensor \"", tensor.name, "\": ", reason));
}

// Elements of a shape, or nothing where they do not fit 63 bits.
std::optional<uint64_t> Elements(const std::vector<int64_t>& shape) {
  uint64_t elements = 1;
  bool empty = false;
  for (const int64_t size : shape) {
    if (size == 0) {
      empty = true;
    } else if (elements > static_cast<uint64_t>(std::numeric_limits<int64_t>::max() / size)) {
      return std::nullopt;
    } else {
      elements *= static_cast<uint64_t>(size);
    }
  }
  return empty ? 0 : elements;
}

// Row-major without gaps. The stride of a dimension of one element says nothing.
bool IsContiguous(const PickledTensor& tensor) {
  int64_t expected = 1;
  for (size_t i = tensor.shape.size(); i-- > 0;) {
    if (tensor.shape[i] == 1) continue;
    if (tensor.strides[i] != expected) return false;
    expected *= tensor.shape[i];
  }
  return true;
}

TensorInfo Locate(const PickledTensor& tensor, const Archive& archive, const std::string& file) {
  const std::string name(tensor.name.substr(0, kMaxTensorName + 1));
  CheckTensorName(file, name);
  const size_t size = DTypeSize(tensor.dtype);
  const std::string record = StrCat("data/", tensor.storage.substr(0, kMaxTensorName));
  CheckTensorName(file, record);  // messages show it
  const ZipEntry* storage = archive.Find(record);
  if (storage == nullptr) {
    FailTensor(file, tensor, StrCat("the archive has no ", record, " with its data; download it again"));
  }
  if (storage->bytes % size != 0 || storage->bytes / size != tensor.storage_elements) {
    FailTensor(file, tensor,
               StrCat(record, " has ", storage->bytes, " bytes, but it is declared as ", tensor.storage_elements,
                      " elements of ", DTypeName(tensor.dtype)));
  }
  const std::optional<uint64_t> elements = Elements(tensor.shape);
  if (!elements) FailTensor(file, tensor, StrCat("shape ", ShapeString(tensor.shape), " overflows a 64-bit size"));
  if (tensor.offset > tensor.storage_elements || *elements > tensor.storage_elements - tensor.offset) {
    FailTensor(file, tensor,
               StrCat("shape ", ShapeString(tensor.shape), " from element ", tensor.offset, " on passes ",
                      "the end of its storage of ", tensor.storage_elements, " elements"));
  }
  if (*elements > 0 && !IsContiguous(tensor)) {
    FailTensor(file, tensor,
               StrCat("it is not contiguous (strides ", ShapeString(tensor.strides), " of shape ",
                      ShapeString(tensor.shape), "); call .contiguous() on it before torch.save"));
  }
  return {.name = name,
          .dtype = tensor.dtype,
          .shape = tensor.shape,
          .bytes = *elements * size,
          .file = file,
          .offset = storage->offset + tensor.offset * size};
}

}  // namespace

std::vector<TensorInfo> ParseTorchFile(std::span<const std::byte> bytes, const std::string& file,
                                       const Report& report) {
  CheckMagic(bytes, file);
  const Archive archive(bytes, file);
  std::vector<TensorInfo> tensors;
  for (const PickledTensor& tensor : ReadStateDict(archive.Data(*archive.Find(std::string(kPickle))), file)) {
    try {
      tensors.push_back(Locate(tensor, archive, file));
    } catch (const Error& error) {
      report(error.what());
    }
  }
  std::stable_sort(tensors.begin(), tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
    return std::pair(a.offset, a.bytes) < std::pair(b.offset, b.bytes);
  });
  return tensors;
}

}  // namespace w8a16
