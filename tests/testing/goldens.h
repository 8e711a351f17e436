#pragma once

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/json.h"

namespace w8a16::testing {

/// The names of all golden models here, the project's own and those beside it.
inline std::vector<std::string> GoldenNames() {
  std::set<std::string> names;
  for (const char* root : {W8A16_SOURCE_DIR "/tests/data", W8A16_SHARED_DIR}) {
    const std::filesystem::path goldens = std::filesystem::path(root) / "goldens";
    if (!std::filesystem::exists(goldens)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(goldens)) {
      if (std::filesystem::exists(entry.path() / "golden.json")) names.insert(entry.path().filename().string());
    }
  }
  return {names.begin(), names.end()};
}

/// The directory of a golden model: the project's own copy, or the one beside the project; empty where there is
/// neither.
inline std::filesystem::path GoldenDirectory(const std::string& name) {
  for (const char* root : {W8A16_SOURCE_DIR "/tests/data", W8A16_SHARED_DIR}) {
    std::filesystem::path directory = std::filesystem::path(root) / "goldens" / name;
    if (std::filesystem::exists(directory / "golden.json")) return directory;
  }
  return {};
}

/// The trained model beside the project; empty where it is not there.
inline std::filesystem::path StoriesDirectory() {
  std::filesystem::path directory = std::filesystem::path(W8A16_SHARED_DIR) / "models/stories260K";
  return std::filesystem::exists(directory / "golden.json") ? directory : std::filesystem::path();
}

inline Json ReadJson(const std::filesystem::path& path) { return ParseJson(ReadTextFile(path), path.string()); }

/// max |a - b| / max |b|; infinite where the sizes differ or a NaN is met.
inline double RelativeError(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return INFINITY;
  double largest = 0;
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!(difference <= worst)) worst = std::isnan(difference) ? INFINITY : difference;
    largest = std::max(largest, std::abs(static_cast<double>(b[i])));
  }
  return worst / largest;
}

}  // namespace w8a16::testing
