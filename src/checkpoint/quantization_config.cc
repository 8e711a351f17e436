#include "checkpoint/quantization_config.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

constexpr const char* kKey = "quantization_config";
constexpr const char* kMethod = "compressed-tensors";
constexpr const char* kRemedy = "convert the float checkpoint with \"w8a16 quantize\" instead";

// A value of the configuration and where it stands, for messages.
struct Setting {
  const Json& value;
  std::string path;
  std::string_view source;

  [[noreturn]] void Refuse(std::string_view supported) const {
    std::string shown = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (shown.size() > 80) shown = shown.substr(0, 80) + "...";
    throw Error(StrCat(source, ": ", path, " is ", shown, "; supported: ", supported, "; ", kRemedy));
  }

  // Null where the key is missing: readers treat the two alike.
  Setting operator[](const char* key) const {
    static const Json null;
    const auto member = value.find(key);
    return {member == value.end() ? null : *member, StrCat(path, ".", key), source};
  }

  bool IsUnset() const {
    return value.is_null() || value == false || ((value.is_object() || value.is_array()) && value.empty());
  }
  void RequireUnset() const {
    if (!IsUnset()) Refuse("null");
  }
  void RequireObject() const {
    if (!value.is_object()) Refuse("an object");
  }
  // One of `choices`; the first is what readers assume where the key is missing.
  void Require(std::initializer_list<Json> choices) const {
    if (value.is_null() || std::find(choices.begin(), choices.end(), value) != choices.end()) return;
    std::vector<std::string> shown;
    for (const Json& choice : choices) shown.push_back(choice.dump());
    Refuse(Join(shown, " or "));
  }
};

bool IsAny(std::string_view key, std::initializer_list<std::string_view> known) {
  return std::find(known.begin(), known.end(), key) != known.end();
}

// A key that nobody knew when this was written may change what the bytes mean.
void RequireNoOthers(const Setting& object, std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : object.value.items()) {
    if (!IsAny(key, known)) Setting{value, StrCat(object.path, ".", key), object.source}.RequireUnset();
  }
}

void CheckWeights(const Setting& weights) {
  weights.RequireObject();
  weights["num_bits"].Require({8});
  weights["type"].Require({"int"});
  weights["symmetric"].Require({true});
  weights["dynamic"].Require({false});
  if (weights["strategy"].value != "channel") weights["strategy"].Refuse("\"channel\"");
  weights["group_size"].Require({nullptr, -1});
  for (const char* key : {"actorder", "block_structure"}) weights[key].RequireUnset();
  RequireNoOthers(weights, {"num_bits", "type", "symmetric", "dynamic", "strategy", "group_size", "observer",
                            "observer_kwargs", "scale_dtype", "zp_dtype"});
}

void CheckGroup(const Setting& group, const Json& format) {
  group.RequireObject();
  for (const char* key : {"input_activations", "output_activations"}) group[key].RequireUnset();
  group["format"].Require({format});
  CheckWeights(group["weights"]);
  RequireNoOthers(group, {"targets", "format", "weights"});
}

QuantizedFormat ReadFormat(const Setting& format) {
  if (format.value.is_string()) {
    const auto& name = format.value.get_ref<const std::string&>();
    for (const QuantizedFormat known : {QuantizedFormat::kPackQuantized, QuantizedFormat::kIntQuantized}) {
      if (name == QuantizedFormatName(known)) return known;
    }
  }
  format.Refuse("\"pack-quantized\" or \"int-quantized\"");
}

std::vector<std::string> ReadIgnore(const Setting& ignore) {
  std::vector<std::string> patterns;
  if (ignore.value.is_null()) return patterns;
  if (!ignore.value.is_array()) ignore.Refuse("a list of module names and \"re:\" patterns");
  for (const Json& pattern : ignore.value) {
    if (!pattern.is_string()) ignore.Refuse("a list of module names and \"re:\" patterns");
    patterns.push_back(pattern.get<std::string>());
    try {
      MatchesModule(patterns.back(), "");
    } catch (const Error& error) {
      throw Error(StrCat(ignore.source, ": ", ignore.path, ": ", error.what()));
    }
  }
  return patterns;
}

}  // namespace

std::string_view QuantizedFormatName(QuantizedFormat format) {
  return format == QuantizedFormat::kPackQuantized ? "pack-quantized" : "int-quantized";
}

QuantizedFormat ParseQuantizedFormat(std::string_view name) {
  for (const QuantizedFormat format : {QuantizedFormat::kPackQuantized, QuantizedFormat::kIntQuantized}) {
    if (name == QuantizedFormatName(format)) return format;
  }
  throw Error(StrCat("unknown format \"", name, "\"; known: pack-quantized, int-quantized"));
}

std::optional<QuantizationConfig> ReadQuantizationConfig(const Json& config, std::string_view source) {
  const Setting root{config, "", source};
  // Where checkpoints of 2024 have it.
  const Setting former = root["compression_config"];
  if (!former.IsUnset()) Setting{former.value, "compression_config", source}.Refuse("quantization_config in its place");

  const auto member = config.find(kKey);
  if (member == config.end() || member->is_null()) return std::nullopt;
  const Setting settings{*member, kKey, source};
  settings.RequireObject();
  if (settings["quant_method"].value != kMethod) {
    settings["quant_method"].Refuse("\"compressed-tensors\" with format \"pack-quantized\" or \"int-quantized\"");
  }
  QuantizationConfig quantization;
  quantization.format = ReadFormat(settings["format"]);
  quantization.ignore = ReadIgnore(settings["ignore"]);
  settings["quantization_status"].Require({"compressed", "frozen"});
  settings["kv_cache_scheme"].RequireUnset();
  settings["transform_config"].RequireUnset();
  const Setting sparsity = settings["sparsity_config"];
  if (!sparsity.IsUnset()) {
    sparsity.RequireObject();
    sparsity["format"].Require({"dense"});
  }
  const Setting groups = settings["config_groups"];
  groups.RequireObject();
  if (groups.value.empty()) groups.Refuse("at least one group");
  for (const auto& [name, group] : groups.value.items()) {
    CheckGroup({group, StrCat(groups.path, ".", name), source}, settings["format"].value);
  }
  return quantization;
}

Json WithQuantizationConfig(Json config, const QuantizationConfig& quantization) {
  const std::string_view format = QuantizedFormatName(quantization.format);
  // Readers forbid keys that they do not know inside the groups.
  const Json weights = {{"num_bits", 8},         {"type", "int"},
                        {"symmetric", true},     {"strategy", "channel"},
                        {"group_size", nullptr}, {"block_structure", nullptr},
                        {"dynamic", false},      {"actorder", nullptr},
                        {"observer", "minmax"},  {"observer_kwargs", Json::object()}};
  const Json group = {{"targets", Json::array({"Linear"})},
                      {"format", format},
                      {"input_activations", nullptr},
                      {"output_activations", nullptr},
                      {"weights", weights}};
  config[kKey] = {{"quant_method", kMethod},
                  {"version", "0.15.0"},
                  {"format", format},
                  {"quantization_status", "compressed"},
                  {"global_compression_ratio", nullptr},
                  {"kv_cache_scheme", nullptr},
                  {"ignore", quantization.ignore},
                  {"sparsity_config", Json::object()},
                  {"transform_config", Json::object()},
                  {"config_groups", {{"group_0", group}}}};
  return config;
}

std::string JsonFileText(const Json& document) { return document.dump(2) + "\n"; }

}  // namespace w8a16
