#include "w8a16/checkpoint.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "base/strings.h"
#include "checkpoint/json.h"
#include "checkpoint/mapped_file.h"
#include "checkpoint/quantization_config.h"
#include "checkpoint/quantized_tensors.h"
#include "checkpoint/safetensors.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

constexpr const char* kConfigFile = "config.json";
constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";

using WeightMap = std::unordered_map<std::string, std::string>;  // tensor -> file

bool IsShardName(const std::string& name) {
  constexpr std::string_view kSuffix = ".safetensors";
  return name.size() > kSuffix.size() && name.ends_with(kSuffix) &&
         name.find_first_of("/\\\0", 0, 3) == std::string::npos;
}

WeightMap ReadIndex(const std::filesystem::path& path) {
  const Json index = ParseJson(ReadTextFile(path), path.string());
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (!index.is_object() || map == index.end() || !map->is_object() || map->empty()) {
    throw Error(StrCat(path.string(), ": weight_map must be an object that gives the file of every tensor"));
  }
  WeightMap weight_map;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string() || !IsShardName(file.get_ref<const std::string&>())) {
      throw Error(StrCat(path.string(), ": weight_map: \"", tensor,
                         "\": the file must be the plain name of a .safetensors ", "file in the same directory, not ",
                         file.dump()));
    }
    weight_map.emplace(tensor, file.get<std::string>());
  }
  return weight_map;
}

[[noreturn]] void FailNoWeights(const std::filesystem::path& directory) {
  std::vector<std::string> others;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string extension = entry.path().extension().string();
    for (const char* known : {".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx"}) {
      if (extension == known) others.push_back(entry.path().filename().string());
    }
  }
  std::sort(others.begin(), others.end());
  throw Error(StrCat(directory.string(), ": no ", kSingleFile, " and no ", kIndexFile,
                     others.empty() ? "" : StrCat(" (there is ", Join(others, ", "), ")"),
                     "; download the safetensors files, or save the model again with ",
                     "save_pretrained(..., safe_serialization=True)"));
}

// True for a link that leads nowhere too: opening it then says what is wrong.
bool Lies(const std::filesystem::path& path) { return std::filesystem::exists(std::filesystem::symlink_status(path)); }

void CheckDirectory(const std::filesystem::path& directory) {
  std::error_code error;
  const auto status = std::filesystem::status(directory, error);
  if (!std::filesystem::exists(status)) {
    throw Error(
        StrCat("no such directory: ", directory.string(), "; name a directory with config.json and safetensors files"));
  }
  if (!std::filesystem::is_directory(status)) {
    throw Error(
        StrCat(directory.string(), " is not a directory; name the directory that holds config.json and the weights"));
  }
}

}  // namespace

struct Checkpoint::Impl {
  std::filesystem::path directory;
  std::string config_text;
  std::optional<QuantizationConfig> quantization;
  std::vector<std::string> files;
  std::vector<TensorInfo> tensors;
  std::map<std::string, std::shared_ptr<const MappedFile>> mapped;
  std::unordered_map<std::string_view, const TensorInfo*> by_name;

  void ReadConfig();
  void MapFile(const std::string& name);
  void BuildNames();
  void CheckIndex(const WeightMap& weight_map) const;
  std::string Path(const std::string& file) const { return (directory / file).string(); }
  const TensorInfo& Require(std::string_view name) const;
};

void Checkpoint::Impl::ReadConfig() {
  const std::string path = Path(kConfigFile);
  config_text = ReadTextFile(path);
  const Json config = ParseJson(config_text, path);
  if (!config.is_object()) throw Error(StrCat(path, ": must be a JSON object"));
  quantization = ReadQuantizationConfig(config, path);
}

void Checkpoint::Impl::MapFile(const std::string& name) {
  const auto file = MappedFile::Open(Path(name));
  std::vector<TensorInfo> found = ParseSafetensors(file->bytes(), Path(name));
  for (TensorInfo& tensor : found) {
    tensor.file = name;
    tensors.push_back(std::move(tensor));
  }
  mapped.emplace(name, file);
  files.push_back(name);
}

void Checkpoint::Impl::BuildNames() {
  for (const TensorInfo& tensor : tensors) {
    const auto [at, inserted] = by_name.emplace(tensor.name, &tensor);
    if (!inserted) {
      throw Error(StrCat(Path(tensor.file), ": tensor \"", tensor.name, "\" stands in ", at->second->file,
                         " too; remove one of the files or download them again"));
    }
  }
}

void Checkpoint::Impl::CheckIndex(const WeightMap& weight_map) const {
  const std::string index = Path(kIndexFile);
  for (const TensorInfo& tensor : tensors) {
    const auto listed = weight_map.find(tensor.name);
    if (listed == weight_map.end()) {
      throw Error(StrCat(index, ": weight_map does not list tensor \"", tensor.name, "\" of ", tensor.file,
                         "; the index and the files are of different checkpoints: download them again"));
    }
    if (listed->second != tensor.file) {
      throw Error(StrCat(index, ": weight_map puts tensor \"", tensor.name, "\" into ", listed->second,
                         ", but it lies in ", tensor.file,
                         "; the index and the files are of different checkpoints: download them again"));
    }
  }
  if (weight_map.size() == tensors.size()) return;
  for (const auto& [tensor, file] : weight_map) {
    if (!by_name.contains(tensor)) {
      throw Error(
          StrCat(index, ": weight_map lists tensor \"", tensor, "\", but ", file,
                 " does not hold it; the index and the files are of different checkpoints: download them again"));
    }
  }
}

const TensorInfo& Checkpoint::Impl::Require(std::string_view name) const {
  const auto found = by_name.find(name);
  if (found != by_name.end()) return *found->second;
  std::vector<std::string> names;
  for (const TensorInfo& tensor : tensors) names.push_back(tensor.name);
  const std::vector<std::string> near = NearMisses(name, names, 3);
  throw Error(StrCat(directory.string(), ": no tensor \"", name, "\"",
                     near.empty() ? "" : StrCat("; the nearest names are ", Join(near, ", "))));
}

Checkpoint Checkpoint::Open(const std::filesystem::path& directory) {
  CheckDirectory(directory);
  auto impl = std::make_shared<Impl>();
  impl->directory = directory;
  impl->ReadConfig();

  // In the order of transformers: a single file wins over an index.
  if (Lies(directory / kSingleFile)) {
    impl->MapFile(kSingleFile);
    impl->BuildNames();
  } else if (Lies(directory / kIndexFile)) {
    const WeightMap weight_map = ReadIndex(directory / kIndexFile);
    std::vector<std::string> shards;
    for (const auto& [tensor, file] : weight_map) shards.push_back(file);
    std::sort(shards.begin(), shards.end());
    shards.erase(std::unique(shards.begin(), shards.end()), shards.end());
    for (const std::string& shard : shards) {
      if (!Lies(directory / shard)) {
        throw Error(StrCat(impl->Path(kIndexFile), ": weight_map names ", shard, ", which is not there; download it"));
      }
      impl->MapFile(shard);
    }
    impl->BuildNames();
    impl->CheckIndex(weight_map);
  } else {
    FailNoWeights(directory);
  }
  Checkpoint checkpoint;
  checkpoint.impl_ = std::move(impl);
  return checkpoint;
}

const std::filesystem::path& Checkpoint::directory() const { return impl_->directory; }
const std::string& Checkpoint::config_text() const { return impl_->config_text; }
const std::vector<TensorInfo>& Checkpoint::tensors() const { return impl_->tensors; }
const std::vector<std::string>& Checkpoint::files() const { return impl_->files; }
const std::optional<QuantizationConfig>& Checkpoint::quantization() const { return impl_->quantization; }
std::shared_ptr<const void> Checkpoint::owner() const { return impl_; }

const TensorInfo* Checkpoint::Find(std::string_view name) const {
  const auto found = impl_->by_name.find(name);
  return found == impl_->by_name.end() ? nullptr : found->second;
}

TensorView Checkpoint::Get(std::string_view name) const {
  const TensorInfo& tensor = impl_->Require(name);
  return {impl_->mapped.at(tensor.file)->bytes().data() + tensor.offset, tensor.dtype, tensor.shape};
}

void Checkpoint::Release(std::string_view name, uint64_t offset, uint64_t bytes) const {
  const TensorInfo& tensor = impl_->Require(name);
  const uint64_t begin = std::min(offset, tensor.bytes);
  impl_->mapped.at(tensor.file)->Release(tensor.offset + begin, std::min(bytes, tensor.bytes - begin));
}

void Checkpoint::Prefetch(std::string_view name, uint64_t offset, uint64_t bytes) const {
  const TensorInfo& tensor = impl_->Require(name);
  impl_->mapped.at(tensor.file)->Prefetch(tensor.offset + offset, bytes);
}

std::optional<QuantizedTensors> Checkpoint::FindQuantized(std::string_view module) const {
  if (!impl_->quantization) return std::nullopt;
  return FindQuantizedTensors(*this, module, impl_->quantization->format);
}

}  // namespace w8a16
