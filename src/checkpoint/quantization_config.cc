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
  const Report& report;

  void Refuse(std::string_view supported) const {
    std::string shown = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (shown.size() > 80) shown = shown.substr(0, 80) + "...";
    report(StrCat(source, ": ", path, " is ", shown, "; supported: ", supported, "; ", kRemedy));
  }

  // Null where the key is missing: readers treat the two alike.
  Setting operator[](const char* key) const {
    static const Json null;
    const auto member = value.find(key);
    return {member == value.end() ? null : *member, StrCat(path, ".", key), source, report};
  }

  bool IsUnset() const {
    return value.is_null() || value == false || ((value.is_object() || value.is_array()) && value.empty());
  }
  void RequireUnset() const {
    if (!IsUnset()) Refuse("null");
  }
  bool RequireObject() const {
    if (!value.is_object()) Refuse("an object");
    return value.is_object();
  }
  // One of `choices`, or missing.
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
    if (!IsAny(key, known)) Setting{value, StrCat(object.path, ".", key), object.source, object.report}.RequireUnset();
  }
}

void CheckWeights(const Setting& weights) {
  if (!weights.RequireObject()) return;
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
  if (!group.RequireObject()) return;
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
  return QuantizedFormat::kPackQuantized;
}

std::vector<std::string> ReadStrings(const Setting& list, std::string_view supported) {
  std::vector<std::string> strings;
  if (list.value.is_null()) return strings;
  const bool valid = list.value.is_array() && std::all_of(list.value.begin(), list.value.end(),
                                                          [](const Json& item) { return item.is_string(); });
  if (!valid) {
    list.Refuse(supported);
    return strings;
  }
  return list.value.get<std::vector<std::string>>();
}

std::vector<std::string> ReadIgnore(const Setting& ignore) {
  std::vector<std::string> patterns = ReadStrings(ignore, "a list of module names and \"re:\" patterns");
  std::erase_if(patterns, [&ignore](const std::string& pattern) {
    try {
      MatchesModule(pattern, "");
      return false;
    } catch (const Error& error) {
      ignore.report(StrCat(ignore.source, ": ", ignore.path, ": ", error.what()));
      return true;
    }
  });
  return patterns;
}

void ReadCompressedTensors(const Setting& settings, QuantizationConfig& quantization) {
  quantization.format = ReadFormat(settings["format"]);
  quantization.ignore = ReadIgnore(settings["ignore"]);
  settings["quantization_status"].Require({"compressed", "frozen"});
  settings["kv_cache_scheme"].RequireUnset();
  settings["transform_config"].RequireUnset();
  const Setting sparsity = settings["sparsity_config"];
  if (!sparsity.IsUnset() && sparsity.RequireObject()) sparsity["format"].Require({"dense"});
  const Setting groups = settings["config_groups"];
  if (!groups.RequireObject()) return;
  if (groups.value.empty()) groups.Refuse("at least one group");
  quantization.targets.clear();
  for (const auto& [name, value] : groups.value.items()) {
    const Setting group = {value, StrCat(groups.path, ".", name), settings.source, settings.report};
    CheckGroup(group, settings["format"].value);
    for (std::string& target : ReadStrings(group["targets"], "a list of class names, module names and patterns")) {
      quantization.targets.push_back(std::move(target));
    }
  }
}

// What transformers' BitsAndBytesConfig writes for int8 weights.
void ReadBitsAndBytes(const Setting& settings, QuantizationConfig& quantization) {
  quantization.method = QuantizationMethod::kBitsAndBytes;
  quantization.format = QuantizedFormat::kIntQuantized;
  if (settings["load_in_8bit"].value != true) settings["load_in_8bit"].Refuse("true");
  settings["load_in_4bit"].RequireUnset();
  settings["llm_int8_has_fp16_weight"].RequireUnset();
  quantization.ignore = ReadStrings(settings["llm_int8_skip_modules"], "a list of module names");
}

// What AutoGPTQ and GPTQModel write. The order in which columns were quantized (desc_act) is in g_idx, which must be
// trivial all the same.
void ReadGptq(const Setting& settings, QuantizationConfig& quantization) {
  const Setting format = settings["checkpoint_format"];
  format.Require({"gptq", "gptq_v2"});
  quantization.method = format.value == "gptq_v2" ? QuantizationMethod::kGptqV2 : QuantizationMethod::kGptq;
  if (settings["bits"].value != 8) settings["bits"].Refuse("8");
  if (settings["group_size"].value != -1) settings["group_size"].Refuse("-1");
  settings["sym"].Require({true});
  settings["pack_dtype"].Require({"int32"});
  for (const char* key : {"desc_act", "dynamic", "is_marlin_format"}) settings[key].RequireUnset();
}

struct Method {
  const char* name;
  void (*read)(const Setting& settings, QuantizationConfig& quantization);
};

// Another method is an entry here and one in quantized_tensors.cc.
constexpr std::array<Method, 3> kMethods = {
    {{kMethod, ReadCompressedTensors}, {"bitsandbytes", ReadBitsAndBytes}, {"gptq", ReadGptq}}};

// The first files of bitsandbytes do not name it.
bool IsUnnamedBitsAndBytes(const Setting& settings) {
  return settings["quant_method"].value.is_null() && settings["load_in_8bit"].value == true;
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

std::optional<QuantizationConfig> ReadQuantizationConfig(const Json& config, std::string_view source,
                                                         const Report& report) {
  const Setting root{config, "", source, report};
  // Where checkpoints of 2024 have it.
  const Setting former = root["compression_config"];
  if (!former.IsUnset()) {
    Setting{former.value, "compression_config", source, report}.Refuse("quantization_config in its place");
  }
  const auto member = config.find(kKey);
  if (member == config.end() || member->is_null()) return std::nullopt;
  const Setting settings{*member, kKey, source, report};
  if (!settings.RequireObject()) return std::nullopt;

  QuantizationConfig quantization;
  for (const Method& method : kMethods) {
    if (settings["quant_method"].value != method.name) continue;
    method.read(settings, quantization);
    return quantization;
  }
  if (IsUnnamedBitsAndBytes(settings)) {
    ReadBitsAndBytes(settings, quantization);
    return quantization;
  }
  settings["quant_method"].Refuse(
      "\"compressed-tensors\" with format \"pack-quantized\" or \"int-quantized\", \"bitsandbytes\" and \"gptq\" with "
      "8 "
      "bits");
  return std::nullopt;
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
