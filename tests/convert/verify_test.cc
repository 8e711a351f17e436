#include "convert/verify.h"

#include <array>
#include <cmath>
#include <cstring>

#include "checkpoint/quantization_config.h"
#include "checkpoint/safetensors.h"
#include "convert/convert.h"
#include "convert/tiny_llama.h"
#include "testing/foreign_checkpoints.h"

namespace w8a16 {
namespace {

using ::testing::AllOf;
using testing::Bytes;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using testing::TempDir;
using testing::TestTensor;
using testing::TinyLlama;
using ::testing::UnorderedElementsAre;

constexpr const char* kDown = "model.layers.0.mlp.down_proj";

// A quantized checkpoint whose tensors and ignore list can be changed before it is checked.
class VerifyTest : public ::testing::Test {
 protected:
  void Make(QuantizedFormat format) {
    TinyLlama().Write(dir_ / "source");
    ConvertOptions options;
    options.format = format;
    QuantizeCheckpoint(dir_ / "source", made_, options);
    const Checkpoint checkpoint = Checkpoint::Open(made_);
    format_ = format;
    for (const TensorInfo& tensor : checkpoint.tensors()) {
      const auto* data = reinterpret_cast<const char*>(checkpoint.Get(tensor.name).data);
      tensors_.push_back({tensor.name, std::string(DTypeName(tensor.dtype)), tensor.shape, {data, tensor.bytes}});
    }
  }

  TestTensor& Tensor(const std::string& name) {
    for (TestTensor& tensor : tensors_) {
      if (tensor.name == name) return tensor;
    }
    throw Error("no such tensor in the test: " + name);
  }

  void WriteTensors() { WriteTextFile(made_ / "model.safetensors", testing::SafetensorsBytes(tensors_)); }
  static std::vector<std::string> Texts(const std::vector<Finding>& findings) {
    std::vector<std::string> texts;
    for (const Finding& finding : findings) texts.push_back(finding.text);
    return texts;
  }

  std::vector<Finding> Verify() {
    WriteTensors();
    TinyLlama model;
    WriteTextFile(made_ / "config.json", JsonFileText(WithQuantizationConfig(model.config(), {format_, ignore_})));
    return VerifyCheckpoint(made_);
  }

  void ExpectOne(Finding::Severity severity, const std::vector<std::string>& parts) {
    const std::vector<Finding> findings = Verify();
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings[0].severity, severity);
    for (const std::string& part : parts) EXPECT_THAT(findings[0].text, HasSubstr(part));
  }
  void ExpectProblem(const std::vector<std::string>& parts) { ExpectOne(Finding::Severity::kProblem, parts); }

  TempDir dir_;
  std::filesystem::path made_ = dir_ / "made";
  QuantizedFormat format_ = QuantizedFormat::kPackQuantized;
  std::vector<TestTensor> tensors_;
  std::vector<std::string> ignore_ = {"lm_head"};
};

TEST_F(VerifyTest, FindsNothingInWhatWeWrite) {
  for (const QuantizedFormat format : {QuantizedFormat::kPackQuantized, QuantizedFormat::kIntQuantized}) {
    std::filesystem::remove_all(made_);
    tensors_.clear();
    Make(format);
    EXPECT_THAT(Verify(), IsEmpty());
  }
  EXPECT_THAT(VerifyCheckpoint(dir_ / "source"), IsEmpty());
}

TEST_F(VerifyTest, ReportsWhatCannotBeOpened) {
  const auto findings = VerifyCheckpoint(dir_ / "none");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_THAT(findings[0].text, HasSubstr("no such directory"));
}

TEST_F(VerifyTest, ReportsScalesThatAreNotFiniteAndPositive) {
  Make(QuantizedFormat::kPackQuantized);
  for (const float bad : {0.0F, -1.0F, static_cast<float>(NAN), static_cast<float>(INFINITY)}) {
    StoreFloat(Tensor(std::string(kDown) + ".weight_scale").bytes.data(), DType::kF32, 4, bad);
    ExpectProblem({kDown, "weight_scale", "scale 4 is", "finite and positive"});
  }
}

TEST_F(VerifyTest, ReportsPaddingThatIsNotZero) {
  Make(QuantizedFormat::kPackQuantized);
  Tensor(std::string(kDown) + ".weight_packed").bytes[8 + 6] = 1;
  ExpectProblem({kDown, "weight_packed", "padding of row 1"});
}

TEST_F(VerifyTest, NotesMinus128) {
  Make(QuantizedFormat::kPackQuantized);
  Tensor(std::string(kDown) + ".weight_packed").bytes[8] = 0;
  ExpectOne(Finding::Severity::kNote, {kDown, "1 weights are -128"});
  std::filesystem::remove_all(made_);
  tensors_.clear();
  Make(QuantizedFormat::kIntQuantized);
  Tensor(std::string(kDown) + ".weight").bytes[7] = static_cast<char>(0x80);
  ExpectOne(Finding::Severity::kNote, {kDown, "1 weights are -128"});
}

TEST_F(VerifyTest, ReportsMissingParts) {
  Make(QuantizedFormat::kPackQuantized);
  Tensor(std::string(kDown) + ".weight_shape").name = "elsewhere";
  ExpectProblem({kDown, "no \"model.layers.0.mlp.down_proj.weight_shape\""});
}

TEST_F(VerifyTest, ReportsPartsOfLayersThatTheArchitectureDoesNotHave) {
  Make(QuantizedFormat::kPackQuantized);
  tensors_.push_back({"stray.weight_scale", "F32", {1}, Bytes<float>({1})});
  ExpectProblem({"\"stray.weight_scale\"", "no weight_packed"});
}

TEST_F(VerifyTest, ReportsAnIgnoreListThatDoesNotFit) {
  Make(QuantizedFormat::kPackQuantized);
  ignore_ = {};
  ExpectProblem({"ignore does not select \"lm_head\"", "not quantized"});
  ignore_ = {"lm_head", "re:.*down"};
  ExpectProblem({"ignore selects \"model.layers.0.mlp.down_proj\"", "is quantized"});
}

TEST_F(VerifyTest, ReportsTargetsThatDoNotFit) {
  Make(QuantizedFormat::kPackQuantized);
  WriteTensors();
  Json config = WithQuantizationConfig(TinyLlama().config(), {format_, ignore_});
  config["quantization_config"]["config_groups"]["group_0"]["targets"] = {"re:.*(self_attn|gate_proj|up_proj)"};
  WriteTextFile(made_ / "config.json", JsonFileText(config));
  const std::vector<Finding> findings = VerifyCheckpoint(made_);
  ASSERT_FALSE(findings.empty());
  for (const Finding& finding : findings) EXPECT_THAT(finding.text, HasSubstr("down_proj\" among its targets"));
}

TEST_F(VerifyTest, ReportsQuantizedLayersThatTheConfigurationDoesNotTell) {
  Make(QuantizedFormat::kPackQuantized);
  WriteTensors();
  WriteTextFile(made_ / "config.json", JsonFileText(TinyLlama().config()));
  EXPECT_THAT(Texts(VerifyCheckpoint(made_)),
              Contains(AllOf(HasSubstr("no quantization_config"), HasSubstr("layers are quantized"))));
}

TEST_F(VerifyTest, ReportsAConfigurationWithoutQuantizedLayers) {
  TinyLlama().Write(made_);
  WriteTextFile(made_ / "config.json", JsonFileText(WithQuantizationConfig(TinyLlama().config(), {format_, ignore_})));
  EXPECT_THAT(Texts(VerifyCheckpoint(made_)), Contains(HasSubstr("no layer is quantized")));
}

TEST_F(VerifyTest, ReportsAllProblemsAtOnce) {
  Make(QuantizedFormat::kPackQuantized);
  Tensor(std::string(kDown) + ".weight_packed").bytes[8 + 6] = 1;
  StoreFloat(Tensor("model.layers.0.mlp.up_proj.weight_scale").bytes.data(), DType::kF32, 0, -1.0F);
  Tensor("model.layers.0.mlp.gate_proj.weight_packed").bytes[0] = 0;
  ignore_ = {"lm_head", "re:.*q_proj"};
  EXPECT_THAT(
      Texts(Verify()),
      IsSupersetOf({HasSubstr("padding of row 1"), HasSubstr("up_proj.weight_scale\": scale 0 is -1"),
                    HasSubstr("1 weights are -128"), HasSubstr("ignore selects \"model.layers.0.self_attn.q_proj\"")}));
}

TEST_F(VerifyTest, ReportsAllThatIsWrongWithAFile) {
  Make(QuantizedFormat::kPackQuantized);
  WriteTensors();
  const std::string header = R"({"a":{"dtype":"F32","shape":[9],"data_offsets":[0,4]},)"
                             R"("b":{"dtype":"F3","shape":[1],"data_offsets":[4,8]},)"
                             R"("c":{"dtype":"F32","shape":[1],"data_offsets":[8,800]}})";
  WriteTextFile(made_ / "model.safetensors", testing::RawSafetensors(header, std::string(12, 'x')));
  WriteTextFile(made_ / "config.json",
                R"({"quantization_config": {"quant_method": "compressed-tensors", "format": "gguf",
    "kv_cache_scheme": {"num_bits": 8}, "config_groups": {"g": {"weights": {"num_bits": 4, "strategy": "group"}}}}})");
  EXPECT_THAT(
      Texts(VerifyCheckpoint(made_)),
      UnorderedElementsAre(HasSubstr("quantization_config.format is \"gguf\""), HasSubstr("kv_cache_scheme is"),
                           HasSubstr("num_bits is 4"), HasSubstr("strategy is \"group\""), HasSubstr("tensor \"a\""),
                           HasSubstr("unknown dtype \"F3\""), HasSubstr("tensor \"c\"")));
}

TEST_F(VerifyTest, ReportsAllThatIsWrongWithAnIndex) {
  TinyLlama().Write(made_);
  std::filesystem::rename(made_ / "model.safetensors", made_ / "a.safetensors");
  Json map = Json::object();
  const std::string bytes = ReadTextFile(made_ / "a.safetensors");
  for (const TensorInfo& tensor : ParseSafetensors(std::as_bytes(std::span(bytes)), "a"))
    map[tensor.name] = "a.safetensors";
  map.erase("model.norm.weight");
  map["ghost"] = "a.safetensors";
  map["path"] = "../a.safetensors";
  map["gone"] = "b.safetensors";
  WriteTextFile(made_ / "model.safetensors.index.json", Json({{"weight_map", map}}).dump());
  EXPECT_THAT(
      Texts(VerifyCheckpoint(made_)),
      UnorderedElementsAre(HasSubstr("does not list tensor \"model.norm.weight\""), HasSubstr("lists tensor \"ghost\""),
                           HasSubstr("plain name"), HasSubstr("names b.safetensors, which is not there")));
}

// As llm-compressor writes it: shape in I32, scales in bfloat16, its own keys, a pattern for the head.
TEST_F(VerifyTest, AcceptsWhatOthersWrite) {
  Make(QuantizedFormat::kPackQuantized);
  for (TestTensor& tensor : tensors_) {
    if (tensor.name.ends_with(".weight_shape")) {
      std::array<int64_t, 2> shape{};
      std::memcpy(shape.data(), tensor.bytes.data(), sizeof(shape));
      tensor = {
          tensor.name, "I32", {2}, Bytes<int32_t>({static_cast<int32_t>(shape[0]), static_cast<int32_t>(shape[1])})};
    }
  }
  WriteTensors();
  Json config = WithQuantizationConfig(TinyLlama().config(), {format_, {"re:.*lm_head"}});
  Json& quantization = config["quantization_config"];
  quantization["version"] = "0.6.0";
  quantization["global_compression_ratio"] = 1.93;
  quantization["config_groups"]["group_0"]["weights"]["observer"] = "mse";
  for (const char* key : {"format", "output_activations"}) quantization["config_groups"]["group_0"].erase(key);
  for (const char* key : {"sparsity_config", "transform_config"}) quantization.erase(key);
  WriteTextFile(made_ / "config.json", JsonFileText(config));
  EXPECT_THAT(VerifyCheckpoint(made_), IsEmpty());
}

// The same layers as bitsandbytes and GPTQ store them are found sound, and what is wrong with them is found too.
class VerifyForeignTest : public ::testing::Test {
 protected:
  VerifyForeignTest() {
    ConvertOptions options;
    options.format = QuantizedFormat::kIntQuantized;
    QuantizeCheckpoint(std::filesystem::path(W8A16_SOURCE_DIR) / "tests/data/goldens/llama-gqa", dir_ / "int", options);
  }
  Checkpoint Source() const { return Checkpoint::Open(dir_ / "int"); }
  // Changes a byte of a tensor in the file.
  void Spoil(const std::string& tensor, size_t byte, char value) const {
    const uint64_t offset = Checkpoint::Open(dir_ / "made").Find(tensor)->offset;
    std::string bytes = ReadTextFile(dir_ / "made" / "model.safetensors");
    bytes[offset + byte] = value;
    WriteTextFile(dir_ / "made" / "model.safetensors", bytes);
  }
  std::vector<std::string> Texts() const {
    std::vector<std::string> texts;
    for (const Finding& finding : VerifyCheckpoint(dir_ / "made")) texts.push_back(finding.text);
    return texts;
  }

  TempDir dir_;
};

TEST_F(VerifyForeignTest, AcceptsBitsAndBytes) {
  testing::WriteBitsAndBytes(Source(), dir_ / "made");
  EXPECT_THAT(Texts(), IsEmpty());
  Spoil(std::string(kDown) + ".SCB", 3, static_cast<char>(0xFF));
  EXPECT_THAT(Texts(), ElementsAre(HasSubstr("down_proj.SCB\": scale 0 is -")));
}

TEST_F(VerifyForeignTest, AcceptsGptq) {
  testing::WriteGptq(Source(), dir_ / "made");
  EXPECT_THAT(Texts(), IsEmpty());
  Spoil(std::string(kDown) + ".qweight", 5, 0);
  EXPECT_THAT(Texts(), ElementsAre(HasSubstr("down_proj.qweight\": 1 weights are -128")));
  Spoil(std::string(kDown) + ".g_idx", 5, 1);
  EXPECT_THAT(Texts(), ElementsAre(HasSubstr("several groups")));
}

TEST_F(VerifyTest, ReportsAllMissingTensors) {
  TinyLlama model;
  model.tensor("model.norm.weight").name = "elsewhere";
  model.tensor("model.layers.0.mlp.up_proj.weight").name = "nowhere";
  model.Write(made_);
  EXPECT_THAT(Texts(VerifyCheckpoint(made_)),
              UnorderedElementsAre(HasSubstr("model.norm.weight"), HasSubstr("mlp.up_proj.weight")));
}

TEST_F(VerifyTest, ReportsAMissingTensor) {
  Make(QuantizedFormat::kPackQuantized);
  Tensor("model.norm.weight").name = "elsewhere";
  ExpectProblem({"model.norm.weight", "missing"});
}

}  // namespace
}  // namespace w8a16
