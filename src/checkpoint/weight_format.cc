#include "checkpoint/weight_format.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "checkpoint/json.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/torch_file.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

// In the order of transformers: safetensors before pickled files, a single file before an index.
constexpr std::array<WeightFormat, 2> kFormats = {{
    {"safetensors", "model.safetensors", "model.safetensors.index.json", ".safetensors", ParseSafetensors},
    {"PyTorch", "pytorch_model.bin", "pytorch_model.bin.index.json", ".bin", ParseTorchFile},
}};

bool IsShardName(const std::string& name, std::string_view extension) {
  return name.size() > extension.size() && name.ends_with(extension) &&
         name.find_first_of("/\\\0", 0, 3) == std::string::npos;
}

// True for a link that leads nowhere too: opening it then says what is wrong.
bool Lies(const std::filesystem::path& path) { return std::filesystem::exists(std::filesystem::symlink_status(path)); }

[[noreturn]] void FailNoWeights(const std::filesystem::path& directory) {
  std::vector<std::string> others;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string extension = entry.path().extension().string();
    for (const char* known : {".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx"}) {
      if (extension == known) others.push_back(entry.path().filename().string());
    }
  }
  std::sort(others.begin(), others.end());
  const WeightFormat& preferred = kFormats.front();
  throw Error(StrCat(directory.string(), ": no ", preferred.single_file, " and no ", preferred.index_file, " (nor ",
                     kFormats.back().single_file, ")", others.empty() ? "" : StrCat("; there is ", Join(others, ", ")),
                     "; download the safetensors files, or save the model again with ",
                     "save_pretrained(..., safe_serialization=True)"));
}

}  // namespace

void ThrowProblem(const std::string& problem) { throw Error(problem); }

std::span<const WeightFormat> WeightFormats() { return kFormats; }

const WeightFormat& WeightFormatOf(const std::filesystem::path& file) {
  const auto* format = std::find_if(kFormats.begin(), kFormats.end(),
                                    [&file](const WeightFormat& f) { return file.extension() == f.extension; });
  return format == kFormats.end() ? kFormats.front() : *format;
}

WeightMap ParseIndex(std::string_view text, const std::string& source, const WeightFormat& format,
                     const Report& report) {
  const Json index = ParseJson(text, source);
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (!index.is_object() || map == index.end() || !map->is_object() || map->empty()) {
    throw Error(StrCat(source, ": weight_map must be an object that gives the file of every tensor"));
  }
  WeightMap weight_map;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string() || !IsShardName(file.get_ref<const std::string&>(), format.extension)) {
      report(StrCat(source, ": weight_map: \"", tensor, "\": the file must be the plain name of a ", format.extension,
                    " file in the same directory, not ", file.dump()));
      continue;
    }
    weight_map.emplace(tensor, file.get<std::string>());
  }
  return weight_map;
}

WeightMap ReadIndex(const std::filesystem::path& path, const WeightFormat& format, const Report& report) {
  return ParseIndex(ReadTextFile(path), path.string(), format, report);
}

std::vector<std::string> FindShards(const WeightMap& weight_map) {
  std::vector<std::string> shards;
  for (const auto& [tensor, file] : weight_map) shards.push_back(file);
  std::sort(shards.begin(), shards.end());
  shards.erase(std::unique(shards.begin(), shards.end()), shards.end());
  return shards;
}

WeightFiles FindWeightFiles(const std::filesystem::path& directory, const Report& report) {
  for (const WeightFormat& format : kFormats) {
    WeightFiles found;
    found.format = &format;
    if (Lies(directory / format.single_file)) {
      found.files.emplace_back(format.single_file);
      return found;
    }
    if (!Lies(directory / format.index_file)) continue;
    found.index = directory / format.index_file;
    found.weight_map = ReadIndex(found.index, format, report);
    found.files = FindShards(found.weight_map);
    std::erase_if(found.files, [&](const std::string& shard) {
      const bool missing = !Lies(directory / shard);
      if (missing) {
        report(StrCat(found.index.string(), ": weight_map names ", shard, ", which is not there; download it"));
      }
      return missing;
    });
    return found;
  }
  FailNoWeights(directory);
}

void RefuseLfsPointer(std::span<const std::byte> bytes, const std::string& file) {
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (all.starts_with("version https://git-lfs")) {
    throw Error(StrCat(file, ": it is a Git LFS pointer, not the file itself; run \"git lfs pull\""));
  }
}

void CheckTensorName(const std::string& file, const std::string& name) {
  if (name.empty()) throw Error(StrCat(file, ": a tensor has an empty name"));
  if (name.size() > kMaxTensorName) {
    throw Error(
        StrCat(file, ": a tensor name is longer than ", kMaxTensorName, " bytes: \"", name.substr(0, 80), "...\""));
  }
  try {
    static_cast<void>(Json(name).dump());
  } catch (const Json::exception&) {
    throw Error(StrCat(
        file, ": a tensor name is not UTF-8: ", Json(name).dump(-1, ' ', false, Json::error_handler_t::replace)));
  }
  if (std::any_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; })) {
    throw Error(StrCat(file, ": a tensor name has control characters: ",
                       Json(name).dump(-1, ' ', false, Json::error_handler_t::replace)));
  }
}

}  // namespace w8a16
