#pragma once

#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "w8a16/dtype.h"

namespace w8a16::testing {

/// The worked example of docs/quantization_explanation.md: its one ```json block.
inline nlohmann::json ReadWorkedExample() {
  const std::string path = W8A16_SOURCE_DIR "/docs/quantization_explanation.md";
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::string block;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line == "```json") {
      inside = true;
    } else if (inside && line == "```") {
      return nlohmann::json::parse(block);
    } else if (inside) {
      block += line + '\n';
    }
  }
  throw std::runtime_error(path + " has no whole ```json block");
}

/// A number of the example as the float32 that it was printed from.
inline std::vector<float> Floats(const nlohmann::json& list) {
  std::vector<float> out;
  for (const nlohmann::json& item : list) out.push_back(static_cast<float>(item.get<double>()));
  return out;
}

/// Values as an array of `dtype`, and back.
inline std::vector<std::byte> StoreAll(const std::vector<float>& values, DType dtype) {
  std::vector<std::byte> bytes(values.size() * DTypeSize(dtype));
  for (size_t i = 0; i < values.size(); ++i) StoreFloat(bytes.data(), dtype, static_cast<int64_t>(i), values[i]);
  return bytes;
}
inline std::vector<float> LoadAll(const std::vector<std::byte>& bytes, DType dtype) {
  std::vector<float> values(bytes.size() / DTypeSize(dtype));
  for (size_t i = 0; i < values.size(); ++i) values[i] = LoadFloat(bytes.data(), dtype, static_cast<int64_t>(i));
  return values;
}

}  // namespace w8a16::testing
