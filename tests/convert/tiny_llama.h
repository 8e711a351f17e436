#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "checkpoint/json.h"
#include "testing/files.h"
#include "w8a16/dtype.h"

namespace w8a16::testing {

/// A Llama of one layer with sizes that fit no alignment: hidden size 6, 5 in the middle, 7 words.
class TinyLlama {
 public:
  explicit TinyLlama(DType dtype = DType::kF32, bool tied = false) : dtype_(dtype) {
    config_ = {{"model_type", "llama"},     {"hidden_size", 6},
               {"intermediate_size", 5},    {"num_hidden_layers", 1},
               {"num_attention_heads", 1},  {"num_key_value_heads", 1},
               {"vocab_size", 7},           {"max_position_embeddings", 16},
               {"rms_norm_eps", 1e-05},     {"tie_word_embeddings", tied},
               {"custom", {{"kept", true}}}};
    Add("model.embed_tokens", {7, 6});
    Add(Layer("input_layernorm"), {6});
    for (const char* name : {"q_proj", "k_proj", "v_proj", "o_proj"}) Add(Layer("self_attn.") + name, {6, 6});
    Add(Layer("post_attention_layernorm"), {6});
    Add(Layer("mlp.gate_proj"), {5, 6});
    Add(Layer("mlp.up_proj"), {5, 6});
    Add(Layer("mlp.down_proj"), {6, 5});
    Add("model.norm", {6});
    if (!tied) Add("lm_head", {7, 6});
  }

  static std::string Layer(const std::string& module) { return "model.layers.0." + module; }

  Json& config() { return config_; }
  std::vector<TestTensor>& tensors() { return tensors_; }
  TestTensor& tensor(const std::string& name) {
    for (TestTensor& tensor : tensors_) {
      if (tensor.name == name) return tensor;
    }
    throw Error("no such tensor in the test: " + name);
  }
  /// Replaces values of a tensor, from element `first` on.
  void Set(const std::string& name, size_t first, const std::vector<float>& values) {
    for (size_t i = 0; i < values.size(); ++i) {
      StoreFloat(tensor(name).bytes.data(), dtype_, static_cast<int64_t>(first + i), values[i]);
    }
  }
  /// Adds the weight of a module, filled with numbers.
  void Add(const std::string& module, const std::vector<int64_t>& shape) {
    size_t count = 1;
    for (const int64_t size : shape) count *= static_cast<size_t>(size);
    std::string bytes(count * DTypeSize(dtype_), '\0');
    for (size_t i = 0; i < count; ++i) {
      state_ = state_ * 1664525U + 1013904223U;
      StoreFloat(bytes.data(), dtype_, static_cast<int64_t>(i),
                 static_cast<float>(static_cast<int32_t>(state_)) * 1e-10F);
    }
    tensors_.push_back({module + ".weight", std::string(DTypeName(dtype_)), shape, bytes});
  }

  void Write(const std::filesystem::path& directory) const {
    std::filesystem::create_directories(directory);
    WriteTextFile(directory / "config.json", config_.dump());
    WriteTextFile(directory / "model.safetensors", SafetensorsBytes(tensors_));
  }
  /// Shards of `each` tensors and their index.
  void WriteSharded(const std::filesystem::path& directory, size_t each) const {
    std::filesystem::create_directories(directory);
    WriteTextFile(directory / "config.json", config_.dump());
    Json map = Json::object();
    for (size_t first = 0; first < tensors_.size(); first += each) {
      const auto begin = tensors_.begin() + static_cast<std::ptrdiff_t>(first);
      const std::vector<TestTensor> shard(begin,
                                          begin + static_cast<std::ptrdiff_t>(std::min(each, tensors_.size() - first)));
      const std::string name = "model-" + std::to_string(first / each + 1) + ".safetensors";
      WriteTextFile(directory / name, SafetensorsBytes(shard));
      for (const TestTensor& tensor : shard) map[tensor.name] = name;
    }
    WriteTextFile(directory / "model.safetensors.index.json", Json({{"weight_map", map}}).dump());
  }

 private:
  DType dtype_;
  Json config_;
  std::vector<TestTensor> tensors_;
  uint32_t state_ = 1;
};

/// The name and bytes of every file in a directory.
inline std::map<std::string, std::string> Contents(const std::filesystem::path& directory) {
  std::map<std::string, std::string> contents;
  for (const std::string& name : Listing(directory)) {
    contents[name] = std::filesystem::is_directory(directory / name) ? "(directory)" : ReadTextFile(directory / name);
  }
  return contents;
}

}  // namespace w8a16::testing
