#include "checkpoint/quantization_config.h"

#include "testing/files.h"

namespace w8a16 {
namespace {

using testing::ExpectError;

using ::testing::ElementsAre;

// As llm-compressor writes it.
Json Typical() {
  return Json::parse(R"({"model_type": "llama", "quantization_config": {
    "quant_method": "compressed-tensors", "version": "0.12.2", "format": "pack-quantized",
    "quantization_status": "compressed", "global_compression_ratio": 1.45, "kv_cache_scheme": null,
    "ignore": ["lm_head", "re:.*gate$"], "sparsity_config": {}, "transform_config": {},
    "config_groups": {"group_0": {"targets": ["Linear"], "format": "pack-quantized",
      "input_activations": null, "output_activations": null,
      "weights": {"num_bits": 8, "type": "int", "symmetric": true, "strategy": "channel", "group_size": null,
        "block_structure": null, "dynamic": false, "actorder": null, "observer": "minmax", "observer_kwargs": {},
        "scale_dtype": null, "zp_dtype": null}}}}})");
}

std::optional<QuantizationConfig> Read(const Json& config) { return ReadQuantizationConfig(config, "DIR/config.json"); }

// Typical with the value at `pointer` (below quantization_config) replaced.
Json With(const std::string& pointer, const Json& value) {
  Json config = Typical();
  config[Json::json_pointer("/quantization_config" + pointer)] = value;
  return config;
}

constexpr const char* kWeights = "/config_groups/group_0/weights";

void ExpectRefused(const std::string& pointer, const Json& value, std::vector<std::string> parts) {
  std::string key = "quantization_config" + pointer;
  std::replace(key.begin(), key.end(), '/', '.');
  parts.insert(parts.end(), {"DIR/config.json", key, value.dump()});
  ExpectError([&] { Read(With(pointer, value)); }, parts);
}

TEST(QuantizationFormats, HaveNames) {
  EXPECT_EQ(QuantizedFormatName(QuantizedFormat::kPackQuantized), "pack-quantized");
  EXPECT_EQ(QuantizedFormatName(QuantizedFormat::kIntQuantized), "int-quantized");
  EXPECT_EQ(ParseQuantizedFormat("pack-quantized"), QuantizedFormat::kPackQuantized);
  EXPECT_EQ(ParseQuantizedFormat("int-quantized"), QuantizedFormat::kIntQuantized);
  ExpectError([] { ParseQuantizedFormat("int8"); }, {"\"int8\"", "pack-quantized", "int-quantized"});
}

TEST(ReadQuantizationConfig, NothingWhereThereIsNone) {
  EXPECT_FALSE(Read({{"model_type", "llama"}}));
  EXPECT_FALSE(Read({{"quantization_config", nullptr}}));
}

TEST(ReadQuantizationConfig, ReadsBothFormats) {
  const auto packed = Read(Typical());
  ASSERT_TRUE(packed);
  EXPECT_EQ(packed->format, QuantizedFormat::kPackQuantized);
  EXPECT_THAT(packed->ignore, ElementsAre("lm_head", "re:.*gate$"));
  Json config = With("/format", "int-quantized");
  config["quantization_config"]["config_groups"]["group_0"].erase("format");
  EXPECT_EQ(Read(config)->format, QuantizedFormat::kIntQuantized);
}

TEST(ReadQuantizationConfig, ToleratesWhatDoesNotMatter) {
  EXPECT_TRUE(Read(With("/run_compressed", true)));
  EXPECT_TRUE(Read(With("/quantization_status", "frozen")));
  EXPECT_TRUE(Read(With("/sparsity_config", nullptr)));
  EXPECT_TRUE(Read(With("/sparsity_config", {{"format", "dense"}, {"ignore", Json::array()}})));
  EXPECT_TRUE(Read(With("/ignore", nullptr)));
  EXPECT_TRUE(Read(With("/config_groups/group_0/targets", {"re:.*proj"})));
  EXPECT_TRUE(Read(With(std::string(kWeights) + "/group_size", -1)));
  EXPECT_TRUE(Read(With(std::string(kWeights) + "/actorder", false)));
  EXPECT_TRUE(Read(With(std::string(kWeights) + "/observer", "mse")));
  EXPECT_TRUE(Read(With(std::string(kWeights) + "/new_option", nullptr)));
  EXPECT_TRUE(Read(With("/config_groups/group_1", Typical()["quantization_config"]["config_groups"]["group_0"])));
}

TEST(ReadQuantizationConfig, TakesTheReadersDefaultsForMissingKeys) {
  EXPECT_TRUE(Read(With(kWeights, {{"strategy", "channel"}})));
}

TEST(ReadQuantizationConfig, RefusesOtherMethods) {
  for (const char* method : {"awq", "fp8", "GPTQ"}) {
    ExpectRefused("/quant_method", method,
                  {"\"compressed-tensors\"", "pack-quantized", "int-quantized", "w8a16 quantize"});
  }
  ExpectRefused("/quant_method", nullptr, {"\"compressed-tensors\""});
  ExpectError([] { Read({{"quantization_config", 8}}); }, {"quantization_config is 8", "an object"});
  ExpectError([] { Read({{"compression_config", {{"format", "pack-quantized"}}}}); }, {"compression_config is"});
}
TEST(ReadQuantizationConfig, RefusesOtherFormats) {
  for (const Json& format : std::vector<Json>{"float-quantized", "dense", "marlin-24", nullptr, 8}) {
    ExpectRefused("/format", format, {"\"pack-quantized\" or \"int-quantized\""});
  }
  ExpectRefused("/config_groups/group_0/format", "int-quantized", {"supported: \"pack-quantized\""});
}
TEST(ReadQuantizationConfig, RefusesQuantizedActivationsAndCaches) {
  const Json scheme = {{"num_bits", 8}};
  ExpectRefused("/config_groups/group_0/input_activations", scheme, {"supported: null"});
  ExpectRefused("/config_groups/group_0/output_activations", scheme, {"supported: null"});
  ExpectRefused("/kv_cache_scheme", scheme, {"supported: null"});
}
TEST(ReadQuantizationConfig, RefusesOtherWeights) {
  const std::string weights = kWeights;
  ExpectRefused(weights + "/num_bits", 4, {"supported: 8"});
  ExpectRefused(weights + "/type", "float", {"supported: \"int\""});
  ExpectRefused(weights + "/symmetric", false, {"supported: true", "w8a16 quantize"});
  ExpectRefused(weights + "/dynamic", true, {"supported: false"});
  for (const Json& strategy : std::vector<Json>{"group", "tensor", "block", "token", nullptr}) {
    ExpectRefused(weights + "/strategy", strategy, {"supported: \"channel\""});
  }
  ExpectRefused(weights + "/group_size", 128, {"null or -1"});
  ExpectRefused(weights + "/actorder", "group", {"supported: null"});
  ExpectRefused(weights + "/block_structure", "128x128", {"supported: null"});
  ExpectRefused(weights + "/new_option", 1, {"supported: null"});
  ExpectRefused(weights, nullptr, {"an object"});
}
TEST(ReadQuantizationConfig, RefusesSparsityAndTransforms) {
  ExpectRefused("/sparsity_config/format", "sparse-24-bitmask", {"supported: \"dense\""});
  ExpectRefused("/transform_config", {{"config_groups", {{"R1", 1}}}}, {"supported: null"});
}
TEST(ReadQuantizationConfig, RefusesUnfinishedQuantization) {
  ExpectRefused("/quantization_status", "calibration", {"\"compressed\""});
}
TEST(ReadQuantizationConfig, RefusesMalformedGroups) {
  ExpectRefused("/config_groups", nullptr, {"an object"});
  ExpectRefused("/config_groups", Json::object(), {"at least one group"});
  ExpectRefused("/config_groups/W8A16", {"Linear"}, {"an object"});
  ExpectRefused("/config_groups/group_0/new_option", true, {"supported: null"});
  ExpectRefused("/config_groups/group_1/weights", nullptr, {"an object"});
}
TEST(ReadQuantizationConfig, RefusesMalformedIgnoreLists) {
  ExpectRefused("/ignore", "lm_head", {"a list of module names"});
  ExpectRefused("/ignore", {"lm_head", 3}, {"a list of module names"});
  ExpectError([] { Read(With("/ignore", {"re:("})); }, {"DIR/config.json", "quantization_config.ignore", "\"re:(\""});
}

TEST(WithQuantizationConfig, WritesWhatReadersExpect) {
  const Json config = ParseJson(R"({"z": 1e-05, "a": {"k": [1, 2.0]}, "torch_dtype": "bfloat16"})", "f");
  const Json written = WithQuantizationConfig(config, {QuantizedFormat::kPackQuantized, {"lm_head"}});
  EXPECT_EQ(written.dump(),
            R"({"z":1e-05,"a":{"k":[1,2.0]},"torch_dtype":"bfloat16","quantization_config":)"
            R"({"quant_method":"compressed-tensors","version":"0.15.0","format":"pack-quantized",)"
            R"("quantization_status":"compressed","global_compression_ratio":null,"kv_cache_scheme":null,)"
            R"("ignore":["lm_head"],"sparsity_config":{},"transform_config":{},)"
            R"("config_groups":{"group_0":{"targets":["Linear"],"format":"pack-quantized",)"
            R"("input_activations":null,"output_activations":null,)"
            R"("weights":{"num_bits":8,"type":"int","symmetric":true,"strategy":"channel","group_size":null,)"
            R"("block_structure":null,"dynamic":false,"actorder":null,"observer":"minmax","observer_kwargs":{}}}}}})");
}

TEST(WithQuantizationConfig, IsReadBack) {
  for (const QuantizedFormat format : {QuantizedFormat::kPackQuantized, QuantizedFormat::kIntQuantized}) {
    const auto read = Read(WithQuantizationConfig({{"a", 1}}, {format, {"lm_head", "re:a.*"}}));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->format, format);
    EXPECT_THAT(read->ignore, ElementsAre("lm_head", "re:a.*"));
  }
  EXPECT_TRUE(Read(WithQuantizationConfig(Json::object(), {}))->ignore.empty());
}

}  // namespace
}  // namespace w8a16
