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
#include "checkpoint/weight_format.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

constexpr const char* kConfigFile = "config.json";
void CheckDirectory(const std::filesystem::path& directory) {
  std::error_code error;
  const auto status = std::filesystem::status(directory, error);
  if (!std::filesystem::exists(status)) {
    throw Error(
        StrCat("no such directory: ", directory.string(), "; name a directory with config.json and weight files"));
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

  void Load(const std::filesystem::path& from, const Report& report);
  void ReadConfig(const Report& report);
  void MapFile(const std::string& name, const WeightFormat& format, const Report& report);
  void BuildNames(const Report& report);
  void CheckIndex(const WeightFiles& weights, const Report& report) const;
  std::string Path(const std::string& file) const { return (directory / file).string(); }
  const TensorInfo& Require(std::string_view name) const;
};

void Checkpoint::Impl::ReadConfig(const Report& report) {
  const std::string path = Path(kConfigFile);
  config_text = ReadTextFile(path);
  const Json config = ParseJson(config_text, path);
  if (!config.is_object()) throw Error(StrCat(path, ": must be a JSON object"));
  quantization = ReadQuantizationConfig(config, path, report);
}

void Checkpoint::Impl::MapFile(const std::string& name, const WeightFormat& format, const Report& report) {
  const auto file = MappedFile::Open(Path(name));
  std::vector<TensorInfo> found = format.read(file->bytes(), Path(name), report);
  for (TensorInfo& tensor : found) {
    tensor.file = name;
    tensors.push_back(std::move(tensor));
  }
  mapped.emplace(name, file);
  files.push_back(name);
}

void Checkpoint::Impl::BuildNames(const Report& report) {
  for (const TensorInfo& tensor : tensors) {
    const auto [at, inserted] = by_name.emplace(tensor.name, &tensor);
    if (!inserted) {
      report(StrCat(Path(tensor.file), ": tensor \"", tensor.name, "\" stands in ", at->second->file,
                    " too; remove one of the files or download them again"));
    }
  }
}

void Checkpoint::Impl::CheckIndex(const WeightFiles& weights, const Report& report) const {
  constexpr const char* kRemedy = "; the index and the files are of different checkpoints: download them again";
  const std::string index = weights.index.string();
  for (const TensorInfo& tensor : tensors) {
    const auto listed = weights.weight_map.find(tensor.name);
    if (listed == weights.weight_map.end()) {
      report(StrCat(index, ": weight_map does not list tensor \"", tensor.name, "\" of ", tensor.file, kRemedy));
    } else if (listed->second != tensor.file) {
      report(StrCat(index, ": weight_map puts tensor \"", tensor.name, "\" into ", listed->second, ", but it lies in ",
                    tensor.file, kRemedy));
    }
  }
  std::vector<std::string> lost;
  for (const auto& [tensor, file] : weights.weight_map) {
    if (!by_name.contains(tensor) && mapped.contains(file)) lost.push_back(tensor);
  }
  std::sort(lost.begin(), lost.end());
  for (const std::string& tensor : lost) {
    report(StrCat(index, ": weight_map lists tensor \"", tensor, "\", but ", weights.weight_map.at(tensor),
                  " does not hold it", kRemedy));
  }
}

void Checkpoint::Impl::Load(const std::filesystem::path& from, const Report& report) {
  // What cannot be read at all must not hide what is wrong elsewhere.
  const auto guard = [&report](const auto& step) {
    try {
      step();
    } catch (const Error& error) {
      report(error.what());
    }
  };
  CheckDirectory(from);
  directory = from;
  guard([&] { ReadConfig(report); });
  WeightFiles weights;
  guard([&] { weights = FindWeightFiles(directory, report); });
  for (const std::string& name : weights.files) {
    guard([&] { MapFile(name, *weights.format, report); });
  }
  BuildNames(report);
  if (!weights.index.empty()) CheckIndex(weights, report);
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
  auto impl = std::make_shared<Impl>();
  impl->Load(directory, ThrowProblem);
  Checkpoint checkpoint;
  checkpoint.impl_ = std::move(impl);
  return checkpoint;
}

std::vector<std::string> Checkpoint::FindProblems(const std::filesystem::path& directory) {
  std::vector<std::string> problems;
  try {
    Impl().Load(directory, [&problems](const std::string& problem) { problems.push_back(problem); });
  } catch (const Error& error) {
    problems.emplace_back(error.what());
  }
  return problems;
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
  return FindQuantizedTensors(*this, module, *impl_->quantization);
}

}  // namespace w8a16
