#pragma once

#include <cstdint>
#include <initializer_list>
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
  /// True where the key is there and null, which transformers takes for "none", not for the default.
  bool IsNull(std::string_view key) const;
  /// The first of these keys (spellings of one setting) that the config has; the first one where it has none.
  std::string_view FirstOf(std::initializer_list<std::string_view> keys) const;
  int64_t Int(std::string_view key, int64_t low, int64_t high, std::optional<int64_t> fallback = {}) const;
  double Number(std::string_view key, double low, double high, std::optional<double> fallback = {}) const;
  bool Bool(std::string_view key, bool fallback) const;
  std::string String(std::string_view key, std::optional<std::string> fallback = {}) const;
  /// A number, or a list of them (token ids); empty where the key is missing.
  std::vector<int64_t> Ints(std::string_view key, int64_t low, int64_t high) const;
  /// Lists; empty where the key is missing.
  std::vector<double> Numbers(std::string_view key, double low, double high) const;
  std::vector<std::string> Strings(std::string_view key) const;
  /// The value at `key` as it is; null where the key is missing.
  const Json* Value(std::string_view key) const;
  /// The object at `key`, which must be one.
  ConfigReader Object(std::string_view key) const;

  /// Throws Error naming the key where this switch (missing: `fallback`) is not `value`, the only one supported.
  void Expect(std::string_view key, bool value, bool fallback) const;

  /// Throws Error "SOURCE: KEY: message".
  [[noreturn]] void Fail(std::string_view key, std::string_view message) const;

 private:
  /// Throws Error unless `value` is a number within bounds.
  double CheckedNumber(const Json& value, std::string_view key, double low, double high) const;

  const Json& object_;
  std::string source_;
  std::string path_;
};

}  // namespace w8a16
