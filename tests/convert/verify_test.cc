#include "convert/verify.h"

#include <cmath>

#include "checkpoint/quantization_config.h"
#include "convert/convert.h"
#include "convert/tiny_llama.h"

namespace w8a16 {
namespace {

using testing::Bytes;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TempDir;
using testing::TestTensor;
using testing::TinyLlama;

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

  std::vector<Finding> Verify() {
    WriteTextFile(made_ / "model.safetensors", testing::SafetensorsBytes(tensors_));
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

TEST_F(VerifyTest, ReportsAMissingTensor) {
  Make(QuantizedFormat::kPackQuantized);
  Tensor("model.norm.weight").name = "elsewhere";
  ExpectProblem({"model.norm.weight", "missing"});
}

}  // namespace
}  // namespace w8a16
