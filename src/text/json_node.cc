#include "text/json_node.h"

#include <algorithm>

#include "base/strings.h"
#include "text/utf8.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

// Values in messages are cut: a vocabulary would fill the screen.
std::string Excerpt(const Json& json) {
  if (json.is_object()) return "an object";
  if (json.is_array()) return StrCat("an array of ", json.size());
  constexpr size_t kLongest = 60;
  std::string text = json.dump(-1, ' ', true);
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

}  // namespace

JsonNode JsonNode::Member(std::string_view key, const Json& value) const {
  return JsonNode(value, source_, path_.empty() ? std::string(key) : StrCat(path_, ".", key));
}

JsonNode JsonNode::At(std::string_view key) const {
  const Json& object = Object();
  const auto found = object.find(std::string(key));
  if (found == object.end()) Fail(StrCat("the key \"", key, "\" is missing"));
  return Member(key, *found);
}

std::optional<JsonNode> JsonNode::Find(std::string_view key) const {
  const Json& object = Object();
  const auto found = object.find(std::string(key));
  if (found == object.end() || found->is_null()) return std::nullopt;
  return Member(key, *found);
}

std::vector<JsonNode> JsonNode::Elements() const {
  if (!json_->is_array()) FailType("an array");
  std::vector<JsonNode> elements;
  elements.reserve(json_->size());
  for (const Json& value : *json_) {
    elements.push_back(JsonNode(value, source_, StrCat(path_, "[", elements.size(), "]")));
  }
  return elements;
}

const Json& JsonNode::Object() const {
  if (!json_->is_object()) FailType("an object");
  return *json_;
}

const std::string& JsonNode::String() const {
  if (!json_->is_string()) FailType("a string");
  return json_->get_ref<const std::string&>();
}

bool JsonNode::Bool() const {
  if (!json_->is_boolean()) FailType("true or false");
  return json_->get<bool>();
}

int64_t JsonNode::Integer(int64_t min, int64_t max) const {
  const std::string expected = StrCat("an integer from ", min, " to ", max);
  if (!json_->is_number_integer()) FailType(expected);
  // An unsigned value above the range of int64_t must not wrap into it.
  if (json_->is_number_unsigned() && json_->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) FailType(expected);
  const auto value = json_->get<int64_t>();
  if (value < min || value > max) FailType(expected);
  return value;
}

const std::string& JsonNode::Character() const {
  const std::string& text = String();
  if (text.empty() || CharacterAt(text, 0).length != text.size()) FailType("a string of one character");
  return text;
}

bool JsonNode::BoolOr(std::string_view key, bool otherwise) const {
  const auto member = Find(key);
  return member ? member->Bool() : otherwise;
}

size_t JsonNode::OneOf(const std::vector<std::string>& names) const {
  const auto found = std::find(names.begin(), names.end(), String());
  if (found == names.end()) Fail(StrCat(Excerpt(*json_), " is not supported; supported: ", Join(names, ", ")));
  return static_cast<size_t>(found - names.begin());
}

void JsonNode::Fail(std::string_view message) const {
  throw Error(path_.empty() ? StrCat(source_, ": ", message) : StrCat(source_, ": ", path_, ": ", message));
}

void JsonNode::FailType(std::string_view expected) const {
  Fail(StrCat("must be ", expected, ", is ", Excerpt(*json_)));
}

}  // namespace w8a16
