#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/json.h"

namespace w8a16 {

/// Typed access to the keys of a config.json object. A key that is missing or null takes the default, or is an error
/// where there is none; so is a value of the wrong type or out of range. Errors name the file and the key.
class ConfigReader {
 public:
  /// `object` must outlive the reader. `path` is what comes before keys in messages ("rope_scaling.").
  ConfigReader(const Json& object, std::string source, std::string path = "");

  bool Has(std::string_view key) const;
  int64_t Int(std::string_view key, int64_t low, int64_t high, std::optional<int64_t> fallback = {}) const;
  double Number(std::string_view key, double low, double high, std::optional<double> fallback = {}) const;
  bool Bool(std::string_view key, bool fallback) const;
  std::string String(std::string_view key, std::optional<std::string> fallback = {}) const;
  /// A number, or a list of them (token ids); empty where the key is missing.
  std::vector<int64_t> Ints(std::string_view key, int64_t low, int64_t high) const;
  /// The object at `key`, which must be one.
  ConfigReader Object(std::string_view key) const;

  /// Throws Error "SOURCE: KEY: message".
  [[noreturn]] void Fail(std::string_view key, std::string_view message) const;

 private:
  const Json* Lookup(std::string_view key) const;

  const Json& object_;
  std::string source_;
  std::string path_;
};

}  // namespace w8a16
