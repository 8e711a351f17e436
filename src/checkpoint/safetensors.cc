#include "checkpoint/safetensors.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "base/strings.h"
#include "checkpoint/json.h"
#include "checkpoint/weight_format.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

constexpr uint64_t kLengthBytes = 8;

[[noreturn]] void Fail(const std::string& file, const std::string& reason) { throw Error(StrCat(file, ": ", reason)); }

[[noreturn]] void FailTensor(const std::string& file, const std::string& tensor, const std::string& reason) {
  throw Error(StrCat(file, ": tensor \"", tensor, "\": ", reason));
}

std::string Shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() > 80 ? text.substr(0, 80) + "..." : text;
}

void CheckMetadata(const std::string& file, const Json& metadata) {
  const bool strings = metadata.is_object() &&
                       std::all_of(metadata.begin(), metadata.end(), [](const Json& v) { return v.is_string(); });
  if (!strings) Fail(file, "__metadata__ in the header must be an object of strings");
}

const Json& Member(const std::string& file, const std::string& tensor, const Json& info, const char* key) {
  const auto member = info.find(key);
  if (member == info.end()) FailTensor(file, tensor, StrCat("the header has no \"", key, "\" for it"));
  return *member;
}

// Bytes of a tensor, or nothing where the number does not fit.
std::optional<uint64_t> CheckedBytes(DType dtype, const std::vector<int64_t>& shape) {
  // A zero anywhere makes the whole zero, but the other sizes must still multiply without overflow: readers multiply
  // first.
  uint64_t bytes = DTypeSize(dtype);
  bool empty = false;
  for (const int64_t size : shape) {
    if (size == 0) {
      empty = true;
    } else if (bytes > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) / static_cast<uint64_t>(size)) {
      return std::nullopt;
    } else {
      bytes *= static_cast<uint64_t>(size);
    }
  }
  return empty ? 0 : bytes;
}

struct Offsets {
  uint64_t begin;
  uint64_t end;
};

Offsets ReadOffsets(const std::string& file, const std::string& tensor, const Json& value) {
  if (!value.is_array() || value.size() != 2 || !value[0].is_number_unsigned() || !value[1].is_number_unsigned()) {
    FailTensor(file, tensor, StrCat("data_offsets must be two non-negative integers, not ", Shown(value)));
  }
  return {value[0].get<uint64_t>(), value[1].get<uint64_t>()};
}

std::vector<int64_t> ReadShape(const std::string& file, const std::string& tensor, const Json& value) {
  const auto is_size = [](const Json& v) {
    return v.is_number_unsigned() && v.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  };
  if (!value.is_array() || !std::all_of(value.begin(), value.end(), is_size)) {
    FailTensor(file, tensor, StrCat("shape must be a list of non-negative integers, not ", Shown(value)));
  }
  return value.get<std::vector<int64_t>>();
}

DType ReadDType(const std::string& file, const std::string& tensor, const Json& value) {
  if (!value.is_string()) FailTensor(file, tensor, StrCat("dtype must be a string, not ", Shown(value)));
  try {
    return ParseDTypeName(value.get_ref<const std::string&>());
  } catch (const Error& error) {
    FailTensor(file, tensor, error.what());
  }
}

TensorInfo ReadTensor(const std::string& file, const std::string& name, const Json& info, uint64_t data_begin,
                      uint64_t data_bytes) {
  if (!info.is_object()) FailTensor(file, name, StrCat("its entry in the header must be an object, not ", Shown(info)));
  TensorInfo tensor;
  tensor.name = name;
  tensor.file = file;
  tensor.dtype = ReadDType(file, name, Member(file, name, info, "dtype"));
  tensor.shape = ReadShape(file, name, Member(file, name, info, "shape"));
  const Offsets offsets = ReadOffsets(file, name, Member(file, name, info, "data_offsets"));
  const std::string shown = StrCat("[", offsets.begin, ", ", offsets.end, "]");
  if (offsets.begin > offsets.end) FailTensor(file, name, StrCat("data_offsets ", shown, " end before they begin"));
  const std::optional<uint64_t> bytes = CheckedBytes(tensor.dtype, tensor.shape);
  if (!bytes) FailTensor(file, name, StrCat("shape ", ShapeString(tensor.shape), " overflows a 64-bit size"));
  if (offsets.end - offsets.begin != *bytes) {
    FailTensor(file, name,
               StrCat("data_offsets ", shown, " hold ", offsets.end - offsets.begin, " bytes, but ",
                      DTypeName(tensor.dtype), " ", ShapeString(tensor.shape), " takes ", *bytes));
  }
  if (offsets.end > data_bytes) {
    FailTensor(file, name,
               StrCat("data_offsets ", shown, " pass the end of the file, which has ", data_bytes,
                      " bytes of data: it is cut short; download or copy it again"));
  }
  tensor.offset = data_begin + offsets.begin;
  tensor.bytes = *bytes;
  return tensor;
}

// The format wants the data covered from end to end, each byte by one tensor: no hidden content, no aliasing.
void CheckCoverage(const std::string& file, const std::vector<TensorInfo>& tensors, uint64_t data_begin,
                   uint64_t file_bytes, const Report& report) {
  uint64_t covered = data_begin;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const TensorInfo& tensor = tensors[i];
    const auto tensor_report = [&](const std::string& reason) {
      report(StrCat(file, ": tensor \"", tensor.name, "\": ", reason));
    };
    if (tensor.offset < covered) {
      tensor_report(StrCat("its data overlaps that of \"", tensors[i - 1].name, "\""));
    }
    if (tensor.offset > covered) {
      tensor_report(StrCat(tensor.offset - covered, " bytes before its data belong to no tensor"));
    }
    covered = std::max(covered, tensor.offset + tensor.bytes);
  }
  if (covered != file_bytes) {
    report(StrCat(file, ": ", file_bytes - covered,
                  " bytes at the end belong to no tensor; download or copy the file again"));
  }
}

}  // namespace

std::vector<TensorInfo> ParseSafetensors(std::span<const std::byte> bytes, const std::string& file,
                                         const Report& report) {
  if (bytes.size() < kLengthBytes) {
    Fail(file,
         StrCat("not a safetensors file: it has ", bytes.size(), " bytes, and the length of the header alone takes ",
                kLengthBytes, "; download or copy it again"));
  }
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  RefuseLfsPointer(bytes, file);
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) length |= std::to_integer<uint64_t>(bytes[i]) << (8 * i);
  if (length > kMaxSafetensorsHeader) {
    Fail(file, StrCat("not a safetensors file: its first 8 bytes give a header of ", length,
                      " bytes, and the format allows ", kMaxSafetensorsHeader));
  }
  if (length > bytes.size() - kLengthBytes) {
    Fail(file, StrCat("the header takes ", length, " bytes, but only ", bytes.size() - kLengthBytes,
                      " follow: the file is cut short; download or copy it again"));
  }
  const std::string_view text = all.substr(kLengthBytes, length);
  if (!text.starts_with('{')) Fail(file, "not a safetensors file: the header does not begin with \"{\"");

  const Json header = ParseJson(text, StrCat(file, " (header)"));
  const uint64_t data_begin = kLengthBytes + length;
  std::vector<TensorInfo> tensors;
  bool whole = true;
  for (const auto& [name, info] : header.items()) {
    try {
      if (name == "__metadata__") {
        CheckMetadata(file, info);
        continue;
      }
      CheckTensorName(file, name);
      tensors.push_back(ReadTensor(file, name, info, data_begin, bytes.size() - data_begin));
    } catch (const Error& error) {
      report(error.what());
      whole = false;
    }
  }
  std::stable_sort(tensors.begin(), tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
    return std::pair(a.offset, a.bytes) < std::pair(b.offset, b.bytes);
  });
  // Holes that a tensor left which could not be read are not worth a second message.
  if (whole) CheckCoverage(file, tensors, data_begin, bytes.size(), report);
  return tensors;
}

}  // namespace w8a16
