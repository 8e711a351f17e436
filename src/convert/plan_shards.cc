#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <set>

#include "base/strings.h"
#include "checkpoint/quantization_config.h"
#include "convert/plan.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

using Declarations = std::vector<SafetensorsWriter::Declaration>;

// Wide elements first, so that every tensor is aligned however long the bytes before it are; otherwise in order.
void Lay(const std::vector<ConvertStep>& steps, PlannedShard& shard) {
  struct Place {
    size_t step;
    size_t made;
    DType dtype;
  };
  std::vector<Place> places;
  for (size_t i = 0; i < shard.steps.size(); ++i) {
    const Declarations& made = steps[shard.steps[i]].made;
    shard.at.emplace_back(made.size());
    for (size_t m = 0; m < made.size(); ++m) places.push_back({i, m, made[m].dtype});
  }
  std::stable_sort(places.begin(), places.end(),
                   [](const Place& a, const Place& b) { return DTypeSize(a.dtype) > DTypeSize(b.dtype); });
  for (const Place& place : places) {
    shard.at[place.step][place.made] = shard.tensors.size();
    shard.tensors.push_back(steps[shard.steps[place.step]].made[place.made]);
  }
}

uint64_t DataBytes(const SafetensorsWriter::Declaration& tensor) {
  return TensorView{nullptr, tensor.dtype, tensor.shape}.Bytes();
}

// No less than what a tensor takes in the header: its name escaped, its entry with offsets of any length.
uint64_t HeaderBytesAtMost(const SafetensorsWriter::Declaration& tensor) {
  constexpr uint64_t kEntry = 100;
  constexpr uint64_t kSize = 21;
  return Json(tensor.name).dump().size() + kEntry + kSize * tensor.shape.size();
}

}  // namespace

uint64_t ConvertStep::BytesAfter() const {
  uint64_t bytes = 0;
  for (const auto& tensor : made) bytes += DataBytes(tensor);
  return bytes;
}

void PlanShards(uint64_t max_shard_bytes, ConvertPlan& plan) {
  constexpr uint64_t kFixedHeader = 64;  // the length, the metadata and the padding
  uint64_t size = 0;
  plan.bytes_before = plan.bytes_after = 0;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const ConvertStep& step = plan.steps[i];
    plan.bytes_before += step.bytes_before;
    if (step.made.empty()) continue;
    plan.bytes_after += step.BytesAfter();
    uint64_t grows = step.BytesAfter();
    for (const auto& tensor : step.made) grows += HeaderBytesAtMost(tensor);
    if (plan.shards.empty() || size + grows > max_shard_bytes) {
      plan.shards.emplace_back();
      size = kFixedHeader;
    }
    size += grows;
    plan.shards.back().steps.push_back(i);
  }
  std::set<std::string_view> names;
  for (size_t s = 0; s < plan.shards.size(); ++s) {
    PlannedShard& shard = plan.shards[s];
    std::array<char, 64> name{};
    std::snprintf(name.data(), name.size(), "model-%05zu-of-%05zu.safetensors", s + 1, plan.shards.size());
    shard.file = plan.shards.size() == 1 ? "model.safetensors" : name.data();
    Lay(plan.steps, shard);
    shard.bytes = SafetensorsWriter::Header(shard.file, shard.tensors).size();
    for (const auto& tensor : shard.tensors) {
      shard.bytes += DataBytes(tensor);
      if (names.insert(tensor.name).second) continue;
      throw Error(StrCat("cannot write tensor \"", tensor.name,
                         "\" twice: the source has a tensor of the name that a converted layer needs; rename it"));
    }
  }
}

std::string IndexText(const ConvertPlan& plan) {
  std::map<std::string, std::string> weight_map;
  for (const PlannedShard& shard : plan.shards) {
    for (const auto& tensor : shard.tensors) weight_map.emplace(tensor.name, shard.file);
  }
  const Json index = {{"metadata", {{"total_size", plan.bytes_after}}}, {"weight_map", weight_map}};
  return JsonFileText(index);
}

}  // namespace w8a16
