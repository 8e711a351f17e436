#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "testing/files.h"

namespace w8a16::testing {

/// What can be made wrong about the zip archive below.
struct ZipFlaws {
  uint16_t flags = 0;
  uint16_t method = 0;          ///< 8: deflated
  int64_t size_change = 0;      ///< added to the declared size of the first entry
  int64_t offset_change = 0;    ///< added to all declared offsets
  std::string local_name = {};  ///< instead of the right one, beside the data
};

/// A zip archive of stored entries.
inline std::string ZipBytes(const std::vector<std::pair<std::string, std::string>>& entries,
                            const ZipFlaws& flaws = {}) {
  const auto u16 = [](size_t value) { return Bytes<uint16_t>({static_cast<uint16_t>(value)}); };
  const auto u32 = [](size_t value) { return Bytes<uint32_t>({static_cast<uint32_t>(value)}); };
  std::string all;
  std::string central;
  for (const auto& [name, data] : entries) {
    const size_t size = data.size() + (all.empty() ? static_cast<size_t>(flaws.size_change) : 0);
    const std::string& local = flaws.local_name.empty() ? name : flaws.local_name;
    const std::string common = u16(20) + u16(flaws.flags) + u16(flaws.method) + u32(0) + u32(0) + u32(size) + u32(size);
    central += "PK\x01\x02" + u16(20) + common + u16(name.size()) + u16(0) + u16(0) + u16(0) + u16(0) + u32(0) +
               u32(all.size() + static_cast<size_t>(flaws.offset_change)) + name;
    all += "PK\x03\x04" + common + u16(local.size()) + u16(0) + local + data;
  }
  const size_t offset = all.size();
  return all + central + "PK\x05\x06" + u16(0) + u16(0) + u16(entries.size()) + u16(entries.size()) +
         u32(central.size()) + u32(offset) + u16(0);
}

/// Pieces of a pickle of protocol 2.
namespace pickle {
inline std::string String(const std::string& text) {
  return "X" + Bytes<uint32_t>({static_cast<uint32_t>(text.size())}) + text;
}
inline std::string Int(int64_t value) { return std::string("\x8a\x08", 2) + Bytes<int64_t>({value}); }
inline std::string Tuple(const std::vector<int64_t>& values) {
  std::string text = "(";
  for (const int64_t value : values) text += Int(value);
  return text + "t";
}
inline std::string Global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}

struct Tensor {
  std::string type = "FloatStorage";
  std::string key = "0";
  int64_t storage_elements = 6;
  int64_t offset = 0;
  std::vector<int64_t> shape = {2, 3};
  std::vector<int64_t> strides = {3, 1};
};

inline std::string Rebuild(const Tensor& t) {
  const std::string storage = "(" + String("storage") + Global("torch", t.type) + String(t.key) + String("cpu") +
                              Int(t.storage_elements) + "tQ";
  return Global("torch._utils", "_rebuild_tensor_v2") + "(" + storage + Int(t.offset) + Tuple(t.shape) +
         Tuple(t.strides) + "\x89" + Global("collections", "OrderedDict") + ")RtR";
}
/// `items`: key, value, key, value, ...
inline std::string Dict(const std::string& items) { return "}(" + items + "u"; }
inline std::string Document(const std::string& value) { return "\x80\x02" + value + "."; }
}  // namespace pickle

/// The bytes of a file of torch.save with this pickle and one storage, "0", of six float32 numbers 0 to 5.
inline std::string TorchBytes(const std::string& pickled, const ZipFlaws& flaws = {}) {
  return ZipBytes({{"archive/data.pkl", pickled},
                   {"archive/byteorder", "little"},
                   {"archive/data/0", Bytes<float>({0, 1, 2, 3, 4, 5})},
                   {"archive/version", "3\n"}},
                  flaws);
}

/// The same for one tensor "w".
inline std::string TensorBytes(const pickle::Tensor& tensor) {
  return TorchBytes(pickle::Document(pickle::Dict(pickle::String("w") + pickle::Rebuild(tensor))));
}

}  // namespace w8a16::testing
