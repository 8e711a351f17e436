#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint/json.h"

namespace w8a16 {

/// A value inside a JSON file that knows where it stands, so that every message names file, key and value. It refers to
/// the parsed document, which must outlive it.
class JsonNode {
 public:
  JsonNode(const Json& json, std::string_view source) : json_(&json), source_(source) {}

  const Json& json() const { return *json_; }
  /// "model.merges[3]"; empty for the whole file.
  const std::string& path() const { return path_; }

  /// The member `key` of an object; throws Error where it is missing or this is no object.
  JsonNode At(std::string_view key) const;
  /// The member `key` of an object, or nothing where it is missing or null.
  std::optional<JsonNode> Find(std::string_view key) const;
  /// The elements of an array.
  std::vector<JsonNode> Elements() const;

  /// The value as what its name says; throws Error for any other type.
  const Json& Object() const;
  const std::string& String() const;
  bool Bool() const;
  int64_t Integer(int64_t min, int64_t max) const;
  /// A string of exactly one character.
  const std::string& Character() const;

  bool BoolOr(std::string_view key, bool otherwise) const;

  /// The index of a string in `names`; throws Error listing them for any other value.
  size_t OneOf(const std::vector<std::string>& names) const;

  /// Throws Error: "FILE: PATH: MESSAGE".
  [[noreturn]] void Fail(std::string_view message) const;

 private:
  JsonNode(const Json& json, std::string_view source, std::string path)
      : json_(&json), source_(source), path_(std::move(path)) {}
  JsonNode Member(std::string_view key, const Json& value) const;
  [[noreturn]] void FailType(std::string_view expected) const;

  const Json* json_;
  std::string_view source_;
  std::string path_;
};

}  // namespace w8a16
