#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "testing/files.h"
#include "w8a16/checkpoint.h"

namespace w8a16::testing {

/// The tensors of `int_quantized`, a checkpoint of that form, with every quantized layer given to `convert`, which says
/// what stands for it.
template <class Convert>
std::vector<TestTensor> ConvertLayers(const Checkpoint& int_quantized, const Convert& convert) {
  std::vector<TestTensor> tensors;
  for (const TensorInfo& tensor : int_quantized.tensors()) {
    const size_t dot = tensor.name.rfind('.');
    const std::string module = tensor.name.substr(0, dot);
    const auto layer = int_quantized.FindQuantized(module);
    if (!layer || tensor.name.substr(dot) == ".bias") {
      const auto* data = reinterpret_cast<const char*>(int_quantized.Get(tensor.name).data);
      tensors.push_back({tensor.name, std::string(DTypeName(tensor.dtype)), tensor.shape, {data, tensor.bytes}});
    } else if (tensor.name.substr(dot) == ".weight") {
      for (TestTensor& part : convert(module, *layer)) tensors.push_back(std::move(part));
    }
  }
  return tensors;
}

inline void WriteForeign(const Checkpoint& source, const std::filesystem::path& directory,
                         const std::vector<TestTensor>& tensors, const Json& quantization) {
  std::filesystem::create_directories(directory);
  Json config = Json::parse(source.config_text());
  config["quantization_config"] = quantization;
  WriteTextFile(directory / "config.json", config.dump());
  WriteTextFile(directory / "model.safetensors", SafetensorsBytes(tensors));
}

/// `source`, an int-quantized checkpoint, as bitsandbytes stores it (scales may differ in the last bit).
inline void WriteBitsAndBytes(const Checkpoint& source, const std::filesystem::path& directory) {
  const auto convert = [](const std::string& module, const QuantizedTensors& layer) {
    std::vector<float> absmax;
    for (int64_t n = 0; n < layer.out_features; ++n) {
      absmax.push_back(LoadFloat(layer.scales.data, layer.scales.dtype, n) * 127.0F);
    }
    const std::string q(reinterpret_cast<const char*>(layer.weights.data), layer.weights.Bytes());
    return std::vector<TestTensor>{{module + ".SCB", "F32", {layer.out_features}, Bytes(absmax)},
                                   {module + ".weight", "I8", {layer.out_features, layer.in_features}, q},
                                   {module + ".weight_format", "U8", {}, std::string(1, '\0')}};
  };
  WriteForeign(source, directory, ConvertLayers(source, convert),
               {{"quant_method", "bitsandbytes"}, {"load_in_8bit", true}, {"llm_int8_threshold", 6.0}});
}

/// `source`, an int-quantized checkpoint with sizes that are multiples of four, as GPTQ stores it: exactly the same
/// numbers.
inline void WriteGptq(const Checkpoint& source, const std::filesystem::path& directory) {
  const auto convert = [](const std::string& module, const QuantizedTensors& layer) {
    const int64_t out = layer.out_features;
    const int64_t in = layer.in_features;
    std::string words(static_cast<size_t>(in * out), '\0');
    for (int64_t n = 0; n < out; ++n) {
      for (int64_t k = 0; k < in; ++k) {
        const auto byte = std::to_integer<uint8_t>(layer.weights.data[n * layer.row_stride + k]);
        words[static_cast<size_t>(((k / 4) * out + n) * 4 + k % 4)] = static_cast<char>(byte ^ 0x80);
      }
    }
    const std::string scales(reinterpret_cast<const char*>(layer.scales.data), layer.scales.Bytes());
    return std::vector<TestTensor>{
        {module + ".g_idx", "I32", {in}, std::string(static_cast<size_t>(4 * in), '\0')},
        {module + ".qweight", "I32", {in / 4, out}, words},
        {module + ".qzeros", "I32", {1, out / 4}, std::string(static_cast<size_t>(out), 127)},
        {module + ".scales", std::string(DTypeName(layer.scales.dtype)), {1, out}, scales}};
  };
  WriteForeign(source, directory, ConvertLayers(source, convert),
               {{"quant_method", "gptq"}, {"bits", 8}, {"group_size", -1}, {"sym", true}, {"desc_act", false}});
}

}  // namespace w8a16::testing
