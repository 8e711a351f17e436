#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace w8a16 {

/// Objects keep the order of the text. Finding one key of n takes n comparisons: go through large objects (a
/// vocabulary, a weight map) with items(), do not look up their keys one by one.
using Json = nlohmann::ordered_json;

/// Parses JSON text; `source` names it in messages ("DIR/config.json"). Throws Error with line and column for malformed
/// text, for a key that stands twice in one object, and for nesting deeper than 100.
Json ParseJson(std::string_view text, std::string_view source);

/// Reads a whole file. Throws Error naming it where it cannot be read.
std::string ReadTextFile(const std::filesystem::path& path);

}  // namespace w8a16
