#include <cmath>
#include <cstring>
#include <fstream>

#include "arch/architecture.h"
#include "cli/command.h"

namespace w8a16::testing {
namespace {

// A model that something is wrong with, and what must be said about it.
struct BadModel {
  const char* name;
  std::function<void(const TinyModel&)> spoil;
  std::vector<std::string> message;
};

constexpr const char* kLayer = "model.layers.1.mlp.up_proj.weight";

void SpoilHeader(const TinyModel& model, const std::function<void(Json&)>& change) {
  const std::filesystem::path path = model / "model.safetensors";
  const std::string bytes = ReadTextFile(path);
  uint64_t size = 0;
  std::memcpy(&size, bytes.data(), sizeof(size));
  Json header = Json::parse(bytes.substr(8, size));
  change(header);
  WriteFile(path, RawSafetensors(header.dump(), bytes.substr(8 + size)));
}

void SetWeight(const TinyModel& model, float value) {
  model.ChangeTensors([&](std::vector<TestTensor>& tensors) {
    // Row 3, column 5 of [144, 64].
    std::memcpy(FindTensor(tensors, kLayer).bytes.data() + (3 * 64 + 5) * sizeof(float), &value, sizeof(value));
  });
}

std::vector<BadModel> BadModels() {
  return {
      {"NoConfig", [](const TinyModel& m) { std::filesystem::remove(m / "config.json"); }, {"config.json"}},
      {"NoWeights",
       [](const TinyModel& m) { std::filesystem::remove(m / "model.safetensors"); },
       {"model.safetensors"}},
      {"TruncatedWeights",
       [](const TinyModel& m) { std::filesystem::resize_file(m / "model.safetensors", 200'000); },
       {"model.safetensors"}},
      {"HeaderLongerThanFile",
       [](const TinyModel& m) { WriteFile(m / "model.safetensors", Bytes<uint64_t>({1'000'000}) + "{}"); },
       {"model.safetensors", "header"}},
      {"OverlappingTensors",
       [](const TinyModel& m) {
         SpoilHeader(m, [](Json& header) {
           auto& offsets = header[kLayer]["data_offsets"];
           offsets = {offsets[0].get<int64_t>() - 4, offsets[1].get<int64_t>() - 4};
         });
       },
       {"model.safetensors"}},
      {"MissingTensor",
       [](const TinyModel& m) {
         m.ChangeTensors([](std::vector<TestTensor>& tensors) {
           std::erase_if(tensors, [](const TestTensor& tensor) { return tensor.name == kLayer; });
         });
       },
       {kLayer}},
      {"WrongShape",
       [](const TinyModel& m) {
         m.ChangeTensors([](std::vector<TestTensor>& tensors) { FindTensor(tensors, kLayer).shape = {64, 144}; });
       },
       {kLayer, "[64, 144]", "[144, 64]"}},
      {"WrongDType",
       [](const TinyModel& m) {
         m.ChangeTensors([](std::vector<TestTensor>& tensors) { FindTensor(tensors, kLayer).dtype = "I32"; });
       },
       {kLayer, "I32"}},
  };
}

class BadInput : public ::testing::TestWithParam<BadModel> {};

TEST_P(BadInput, IsNamedAndNothingIsLeft) {
  const TinyModel model;
  GetParam().spoil(model);
  const TempDir scratch;
  const std::string destination = scratch / "out";
  ExpectFailure(W8A16({"quantize", model.path(), destination}), GetParam().message);
  EXPECT_THAT(Listing(scratch.path()), ::testing::IsEmpty());
  ExpectFailure(W8A16({"generate", model.path(), "--prompt-ids", "1,5"}), GetParam().message);

  const ProcessResult verified = W8A16({"inspect", model.path(), "--verify", "--json"});
  EXPECT_EQ(verified.exit_code, 1);
  const Json problems = Json::parse(verified.out)["problems"];
  ASSERT_FALSE(problems.empty());
  for (const std::string& part : GetParam().message) EXPECT_THAT(problems.dump(), ::testing::HasSubstr(part));
}

INSTANTIATE_TEST_SUITE_P(Models, BadInput, ::testing::ValuesIn(BadModels()),
                         [](const auto& param_info) { return std::string(param_info.param.name); });

TEST(BadWeights, NanAndInfinityAreNamedWithRowAndColumn) {
  for (float value : {std::nanf(""), INFINITY}) {
    const TinyModel model;
    SetWeight(model, value);
    const TempDir scratch;
    ExpectFailure(W8A16({"quantize", model.path(), scratch / "out"}), {kLayer, "3", "5"});
    EXPECT_THAT(Listing(scratch.path()), ::testing::IsEmpty());
    ExpectFailure(W8A16({"generate", model.path(), "--prompt-ids", "1", "--weights", "w8a16"}),
                  {"model.layers.1.mlp.up_proj"});
  }
}

TEST(BadWeights, NoSuchDirectory) {
  const std::string missing = "/nonexistent/model";
  ExpectFailure(W8A16({"generate", missing, "--prompt-ids", "1"}), {missing});
  ExpectFailure(W8A16({"generate", missing, "--prompt", "a"}), {missing});
  ExpectFailure(W8A16({"quantize", missing, missing + "-out"}), {missing});
  ExpectFailure(W8A16({"inspect", missing}), {missing});
}

TEST(BadModel, UnknownModelTypeIsConvertedByGuessingButDoesNotRun) {
  const TinyModel model;
  model.ChangeConfig([](Json& config) { config["model_type"] = "perceptron"; });
  const TempDir scratch;
  const ProcessResult converted = W8A16({"quantize", model.path(), scratch / "out"});
  EXPECT_EQ(converted.exit_code, 0);
  EXPECT_THAT(converted.err, ::testing::HasSubstr("model_type \"perceptron\" is unknown"));
  ExpectFailure(W8A16({"generate", model.path(), "--prompt-ids", "1,5"}), KnownModelTypes());
}

TEST(BadModel, TorchScriptFilesBelongToAnotherCommand) {
  const TempDir scratch;
  const std::string file = scratch / "model.pt";
  std::ofstream(file) << "PK";
  ExpectFailure(W8A16({"quantize", file, scratch / "out"}), {file, "w8a16-torch quantize"});
}

TEST(BadWeights, OriginalRefusesAQuantizedCheckpoint) {
  const TinyModel model;
  const TempDir scratch;
  ASSERT_EQ(W8A16({"quantize", model.path(), scratch / "out"}).exit_code, 0);
  ExpectFailure(W8A16({"generate", scratch / "out", "--prompt-ids", "1", "--weights", "original"}), {"quantized"});
  // Nor is it quantized twice.
  ExpectFailure(W8A16({"quantize", scratch / "out", scratch / "again"}), {"quantized"});
  EXPECT_THAT(Listing(scratch.path()), ::testing::ElementsAre("out"));
}

}  // namespace
}  // namespace w8a16::testing
