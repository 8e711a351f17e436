#include "arch/config_reader.h"

#include <cmath>
#include <utility>

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {

ConfigReader::ConfigReader(const Json& object, std::string source, std::string path)
    : object_(object), source_(std::move(source)), path_(std::move(path)) {
  if (!object.is_object()) throw Error(StrCat(source_, ": ", path_, " a JSON object was expected"));
}

void ConfigReader::Fail(std::string_view key, std::string_view message) const {
  throw Error(StrCat(source_, ": ", path_, key, ": ", message));
}

const Json* ConfigReader::Value(std::string_view key) const {
  const auto it = object_.find(std::string(key));
  return it == object_.end() || it->is_null() ? nullptr : &*it;
}

bool ConfigReader::Has(std::string_view key) const { return Value(key) != nullptr; }

bool ConfigReader::IsNull(std::string_view key) const {
  return object_.contains(std::string(key)) && Value(key) == nullptr;
}

std::string_view ConfigReader::FirstOf(std::initializer_list<std::string_view> keys) const {
  for (const std::string_view key : keys) {
    if (Has(key)) return key;
  }
  return *keys.begin();
}

void ConfigReader::Expect(std::string_view key, bool value, bool fallback) const {
  if (Bool(key, fallback) == value) return;
  Fail(key, StrCat(value ? "false" : "true", " is not supported; supported: ", value ? "true" : "false"));
}

int64_t ConfigReader::Int(std::string_view key, int64_t low, int64_t high, std::optional<int64_t> fallback) const {
  const Json* value = Value(key);
  if (value == nullptr) {
    if (!fallback) Fail(key, "this key is missing");
    return *fallback;
  }
  if (!value->is_number_integer()) Fail(key, StrCat("a whole number was expected, not ", value->dump()));
  const bool too_large = value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
  if (too_large || value->get<int64_t>() < low || value->get<int64_t>() > high) {
    Fail(key, StrCat(value->dump(), " is outside ", low, " to ", high));
  }
  return value->get<int64_t>();
}

double ConfigReader::Number(std::string_view key, double low, double high, std::optional<double> fallback) const {
  const Json* value = Value(key);
  if (value == nullptr) {
    if (!fallback) Fail(key, "this key is missing");
    return *fallback;
  }
  return CheckedNumber(*value, key, low, high);
}

double ConfigReader::CheckedNumber(const Json& value, std::string_view key, double low, double high) const {
  if (!value.is_number()) Fail(key, StrCat("a number was expected, not ", value.dump()));
  const double number = value.get<double>();
  if (!(number >= low && number <= high)) Fail(key, StrCat(value.dump(), " is outside ", low, " to ", high));
  return number;
}

std::vector<double> ConfigReader::Numbers(std::string_view key, double low, double high) const {
  const Json* value = Value(key);
  if (value == nullptr) return {};
  if (!value->is_array()) Fail(key, StrCat("a list of numbers was expected, not ", value->dump()));
  std::vector<double> out;
  for (const Json& item : *value) out.push_back(CheckedNumber(item, key, low, high));
  return out;
}

std::vector<std::string> ConfigReader::Strings(std::string_view key) const {
  const Json* value = Value(key);
  if (value == nullptr) return {};
  if (!value->is_array()) Fail(key, StrCat("a list of texts was expected, not ", value->dump()));
  std::vector<std::string> out;
  for (const Json& item : *value) {
    if (!item.is_string()) Fail(key, StrCat("texts were expected, not ", item.dump()));
    out.push_back(item.get<std::string>());
  }
  return out;
}

bool ConfigReader::Bool(std::string_view key, bool fallback) const {
  const Json* value = Value(key);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) Fail(key, StrCat("true or false was expected, not ", value->dump()));
  return value->get<bool>();
}

std::string ConfigReader::String(std::string_view key, std::optional<std::string> fallback) const {
  const Json* value = Value(key);
  if (value == nullptr) {
    if (!fallback) Fail(key, "this key is missing");
    return *fallback;
  }
  if (!value->is_string()) Fail(key, StrCat("a text was expected, not ", value->dump()));
  return value->get<std::string>();
}

std::vector<int64_t> ConfigReader::Ints(std::string_view key, int64_t low, int64_t high) const {
  const Json* value = Value(key);
  if (value == nullptr) return {};
  std::vector<int64_t> out;
  const Json list = value->is_array() ? *value : Json::array({*value});
  for (const Json& item : list) {
    if (!item.is_number_integer()) Fail(key, StrCat("whole numbers were expected, not ", item.dump()));
    const int64_t number = item.get<int64_t>();
    if (number < low || number > high) Fail(key, StrCat(number, " is outside ", low, " to ", high));
    out.push_back(number);
  }
  return out;
}

ConfigReader ConfigReader::Object(std::string_view key) const {
  const Json* value = Value(key);
  if (value == nullptr || !value->is_object()) Fail(key, "a JSON object was expected");
  return {*value, source_, StrCat(path_, key, ".")};
}

}  // namespace w8a16
