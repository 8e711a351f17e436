#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "checkpoint/json.h"

namespace w8a16::testing {

/// A text and the ids that an independent tokenizer gives for it, without special tokens.
struct TokenizerVector {
  std::string text;
  std::vector<int32_t> ids;
};

/// A directory of tests/data/tokenizers.
inline std::filesystem::path TokenizerData(const std::string& name) {
  return std::filesystem::path(W8A16_SOURCE_DIR) / "tests" / "data" / "tokenizers" / name;
}

/// Reads a vectors.json, where bytes that are no UTF-8 stand in hexadecimal.
inline std::vector<TokenizerVector> ReadVectors(const std::filesystem::path& path) {
  std::vector<TokenizerVector> vectors;
  for (const Json& item : ParseJson(ReadTextFile(path), path.string())) {
    TokenizerVector vector{item.value("text", std::string()), item["ids"].get<std::vector<int32_t>>()};
    const std::string hex = item.value("hex", std::string());
    for (size_t i = 0; i < hex.size(); i += 2) {
      vector.text += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    }
    vectors.push_back(std::move(vector));
  }
  return vectors;
}

}  // namespace w8a16::testing
