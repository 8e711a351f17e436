// Writes a random checkpoint of the size that a config.json describes, so that whole-model speed can be measured
// without downloading anything. The same config and seed give the same bytes on every machine.

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "arch/architecture.h"
#include "base/parallel.h"
#include "base/strings.h"
#include "checkpoint/json.h"
#include "checkpoint/safetensors.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

// Sebastiano Vigna's splitmix64, used as a hash of the position: any part of a tensor can be made on its own.
uint64_t Mix(uint64_t z) {
  z += 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

// FNV-1a, so that every tensor has a seed of its own.
uint64_t Hash(const std::string& text) {
  uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3U;
  return hash;
}

struct RandomTensor {
  std::string name;
  std::vector<int64_t> shape;
  float mean;
  float deviation;
};

std::vector<RandomTensor> Tensors(const Architecture& architecture) {
  std::vector<RandomTensor> tensors;
  for (const ModuleSpec& module : Modules(architecture)) {
    const bool norm = module.role == Role::kNorm;
    // Weights of linear layers keep the size of what passes through them, as trained ones do.
    const auto fan_in = static_cast<float>(module.shape.back());
    std::vector<int64_t> stored = module.shape;
    if (module.conv1d) std::swap(stored[0], stored[1]);
    if (!module.tied) {
      tensors.push_back({module.name + ".weight", stored, norm ? 1.0F : 0.0F, norm ? 0.1F : 1 / std::sqrt(fan_in)});
    }
    if (module.bias) tensors.push_back({module.name + ".bias", {module.shape[0]}, 0.0F, 0.1F});
  }
  return tensors;
}

// Uniform with the wanted mean and deviation, rounded to bf16.
void Fill(const RandomTensor& tensor, uint64_t seed, int64_t first, std::vector<uint16_t>& out) {
  const float step = tensor.deviation * std::sqrt(3.0F) / 32768.0F;
  ParallelFor(static_cast<int64_t>(out.size()), 1 << 14, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += 4) {
      uint64_t bits = Mix(seed + static_cast<uint64_t>(first + i) / 4);
      for (int64_t j = i; j < std::min(i + 4, end); ++j, bits >>= 16) {
        const float uniform = static_cast<float>(static_cast<int32_t>(bits & 0xFFFFU) - 32768) + 0.5F;
        out[static_cast<size_t>(j)] = FloatToBF16(tensor.mean + uniform * step);
      }
    }
  });
}

void WriteShard(const std::filesystem::path& path, const std::vector<RandomTensor>& tensors, uint64_t seed) {
  std::vector<SafetensorsWriter::Declaration> declarations;
  declarations.reserve(tensors.size());
  for (const RandomTensor& tensor : tensors) declarations.push_back({tensor.name, DType::kBF16, tensor.shape});
  SafetensorsWriter writer(path, declarations);
  constexpr int64_t kBlock = int64_t{1} << 22;
  std::vector<uint16_t> block;
  for (const RandomTensor& tensor : tensors) {
    const TensorView view{nullptr, DType::kBF16, tensor.shape};
    const uint64_t tensor_seed = Mix(seed ^ Hash(tensor.name));
    for (int64_t first = 0; first < view.Elements(); first += kBlock) {
      block.resize(static_cast<size_t>(std::min(kBlock, view.Elements() - first)));
      Fill(tensor, tensor_seed, first, block);
      writer.Append(block.data(), block.size() * sizeof(uint16_t));
    }
  }
  writer.Finish();
}

void MakeModel(const std::string& config_path, const std::filesystem::path& directory, int64_t shards, uint64_t seed) {
  const std::string config = ReadTextFile(config_path);
  const std::vector<RandomTensor> tensors = Tensors(DescribeArchitecture(config, config_path));
  std::filesystem::create_directories(directory);
  const size_t per_shard = (tensors.size() + static_cast<size_t>(shards) - 1) / static_cast<size_t>(shards);
  Json weight_map = Json::object();
  uint64_t total = 0;
  for (int64_t shard = 0; shard < shards; ++shard) {
    char file[64] = "model.safetensors";
    if (shards > 1) std::snprintf(file, sizeof(file), "model-%05d-of-%05d.safetensors", int(shard + 1), int(shards));
    const size_t begin = std::min(tensors.size(), static_cast<size_t>(shard) * per_shard);
    const size_t end = std::min(tensors.size(), begin + per_shard);
    const std::vector<RandomTensor> part(tensors.begin() + static_cast<int64_t>(begin),
                                         tensors.begin() + static_cast<int64_t>(end));
    for (const RandomTensor& tensor : part) {
      weight_map[tensor.name] = file;
      total += TensorView{nullptr, DType::kBF16, tensor.shape}.Bytes();
    }
    WriteShard(directory / file, part, seed);
  }
  if (shards > 1) {
    const Json index = {{"metadata", {{"total_size", total}}}, {"weight_map", weight_map}};
    WriteTextFile(directory / "model.safetensors.index.json", index.dump(2) + "\n");
  }
  WriteTextFile(directory / "config.json", config);
  std::printf("%s: %.2f GB in %lld file(s)\n", directory.c_str(), static_cast<double>(total) / 1e9,
              static_cast<long long>(shards));
}

}  // namespace
}  // namespace w8a16

int main(int argc, char** argv) {
  CLI::App app("Writes a random bf16 checkpoint of the size that a config.json describes");
  std::string config;
  std::string directory;
  int64_t shards = 1;
  uint64_t seed = 0;
  app.add_option("CONFIG", config, "config.json to follow (bench/models/*.json)")->required();
  app.add_option("DIRECTORY", directory, "where to write")->required();
  app.add_option("--shards", shards, "number of weight files")->check(CLI::Range(1, 1000));
  app.add_option("--seed", seed, "another seed, other weights");
  CLI11_PARSE(app, argc, argv);
  try {
    w8a16::MakeModel(config, directory, shards, seed);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  return 0;
}
