// Whatever goes wrong, the message says what and where, and the disk is as it was.

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <limits>

#include "checkpoint/quantization_config.h"
#include "convert/convert.h"
#include "convert/tiny_llama.h"

namespace w8a16 {
namespace {

using testing::Contents;
using ::testing::ElementsAre;
using testing::ExpectError;
using testing::Listing;
using testing::TempDir;
using testing::TinyLlama;

constexpr const char* kUp = "model.layers.0.mlp.up_proj.weight";

class ConvertFailuresTest : public ::testing::Test {
 protected:
  // Expects an error with these parts in its text and nothing new on the disk.
  void ExpectRefused(const std::vector<std::string>& parts, const ConvertOptions& options = {}) {
    const auto source = Contents(source_);
    const bool existed = std::filesystem::exists(destination_);
    const auto before = existed ? Contents(destination_) : std::map<std::string, std::string>();
    ExpectError([&] { QuantizeCheckpoint(source_, destination_, options); }, parts);
    EXPECT_EQ(Contents(source_), source);
    if (existed) {
      EXPECT_EQ(Contents(destination_), before);
    } else {
      EXPECT_THAT(Listing(dir_.path()), ElementsAre("source"));
    }
  }

  TempDir dir_;
  std::filesystem::path source_ = dir_ / "source";
  std::filesystem::path destination_ = dir_ / "made" / "destination";
};

TEST_F(ConvertFailuresTest, NamesTheFirstWeightThatIsNotFinite) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    TinyLlama model;
    model.Set(kUp, 2 * 6 + 3, {bad});
    model.Set(kUp, 4 * 6 + 1, {bad});
    model.Write(source_);
    ExpectRefused({(source_ / "model.safetensors").string(), kUp, "row 2", "column 3"});
  }
}

TEST_F(ConvertFailuresTest, CountsRowsOverBlocks) {
  TinyLlama model;
  model.config()["intermediate_size"] = 400'000;  // 9.6 MB: more than one block
  for (const char* name : {"model.layers.0.mlp.gate_proj.weight", kUp, "model.layers.0.mlp.down_proj.weight"}) {
    auto& tensor = model.tensor(name);
    for (int64_t& size : tensor.shape) size = size == 5 ? 400'000 : size;
    tensor.bytes = std::string(size_t{400'000} * 6 * 4, '\0');
  }
  model.Set(kUp, 399'999 * 6 + 5, {std::numeric_limits<float>::quiet_NaN()});
  model.Set(kUp, 380'000 * 6 + 4, {std::numeric_limits<float>::quiet_NaN()});
  model.Write(source_);
  ExpectRefused({kUp, "row 380000", "column 4"});
}

TEST_F(ConvertFailuresTest, IgnoresValuesOfTensorsThatStayFloat) {
  TinyLlama model;
  model.Set("lm_head.weight", 0, {std::numeric_limits<float>::quiet_NaN()});
  model.Write(source_);
  EXPECT_NO_THROW(QuantizeCheckpoint(source_, destination_, {}));
}

TEST_F(ConvertFailuresTest, RefusesAQuantizedSource) {
  TinyLlama model;
  model.config() = WithQuantizationConfig(model.config(), {});
  model.Write(source_);
  ExpectRefused({(source_ / "config.json").string(), "quantization_config", "quantized already"});
  model.config()["quantization_config"]["quant_method"] = "awq";
  model.Write(source_);
  ExpectRefused({(source_ / "config.json").string(), "quantization_config.quant_method is \"awq\""});
}

TEST_F(ConvertFailuresTest, RefusesAMissingSource) {
  ExpectError([this] { QuantizeCheckpoint(dir_ / "none", destination_, {}); }, {"no such directory", "none"});
  EXPECT_THAT(Listing(dir_.path()), ElementsAre());
}

TEST_F(ConvertFailuresTest, RefusesAMissingTensor) {
  TinyLlama model;
  model.tensor(kUp).name = "elsewhere";
  model.Write(source_);
  ExpectRefused({kUp, "missing"});
}

TEST_F(ConvertFailuresTest, RefusesAMalformedPattern) {
  TinyLlama().Write(source_);
  ConvertOptions options;
  options.ignore = {"re:("};
  ExpectRefused({"\"re:(\""}, options);
}

TEST_F(ConvertFailuresTest, RefusesADirectoryThatIsNotEmpty) {
  TinyLlama().Write(source_);
  std::filesystem::create_directories(destination_);
  WriteTextFile(destination_ / ".hidden", "");
  ExpectRefused({destination_.string(), "not empty", "--force"});
}

TEST_F(ConvertFailuresTest, RefusesAFileAsDirectory) {
  TinyLlama().Write(source_);
  WriteTextFile(dir_ / "made", "text");
  ExpectError([this] { QuantizeCheckpoint(source_, dir_ / "made", {}); }, {"made is not a directory"});
  ExpectError([this] { QuantizeCheckpoint(source_, destination_, {}); }, {"made"});
  EXPECT_EQ(ReadTextFile(dir_ / "made"), "text");
}

TEST_F(ConvertFailuresTest, AlwaysRefusesTheSourceAsOutput) {
  TinyLlama().Write(source_);
  std::filesystem::create_directory_symlink("source", dir_ / "link");
  const auto before = Contents(source_);
  ConvertOptions options;
  options.force = true;
  for (const auto& output : {source_, dir_ / "link", source_ / "." / "", dir_ / "source" / ".." / "source"}) {
    ExpectError([&] { QuantizeCheckpoint(source_, output, options); }, {"is the input itself"});
    ExpectError([&] { QuantizeCheckpoint(dir_ / "link", output, options); }, {"is the input itself"});
  }
  EXPECT_EQ(Contents(source_), before);
}

TEST_F(ConvertFailuresTest, RefusesTheDirectoryThatLinkedWeightsLieIn) {
  TinyLlama().Write(destination_);
  std::filesystem::create_directories(source_);
  for (const char* name : {"config.json", "model.safetensors"}) {
    std::filesystem::create_symlink(destination_ / name, source_ / name);
  }
  ConvertOptions options;
  options.force = true;
  ExpectRefused({"is a link to", "lies in the output directory"}, options);
}

TEST_F(ConvertFailuresTest, KeepsWhatWasThereWhenAForcedRunFails) {
  TinyLlama model;
  model.Set(kUp, 0, {std::numeric_limits<float>::quiet_NaN()});
  model.Write(source_);
  TinyLlama().Write(destination_);
  ConvertOptions options;
  options.force = true;
  ExpectRefused({kUp, "row 0"}, options);
}

TEST_F(ConvertFailuresTest, KeepsOnlyWhatIsFinishedWhenAFileCannotBeWritten) {
  // A limit on file sizes stands for a full disk: writing fails in the same manner.
  TinyLlama().Write(source_);
  WriteTextFile(source_ / "tokenizer.json", std::string(5000, ' '));
  rlimit former{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &former), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const auto convert = [&](rlim_t limit) -> std::string {
    const rlimit small{limit, former.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    std::string message;
    try {
      QuantizeCheckpoint(source_, destination_, {});
    } catch (const Error& error) {
      message = error.what();
    }
    setrlimit(RLIMIT_FSIZE, &former);
    return message;
  };
  const std::string work = destination_.string() + ".partial";
  EXPECT_EQ(convert(500), "cannot write " + work + "/.w8a16-journal: File too large");
  EXPECT_THAT(Listing(dir_.path()), ElementsAre("source"));
  EXPECT_EQ(convert(1500), "cannot write " + work + "/model.safetensors: File too large");
  EXPECT_THAT(Listing(dir_.path()), ElementsAre("source"));
  EXPECT_EQ(convert(4900), "cannot write " + work +
                               "/tokenizer.json: File too large; the weight files that are finished (1 of 1) stay in " +
                               work + ": go on with --resume");
  EXPECT_FALSE(std::filesystem::exists(destination_));
  EXPECT_THAT(Listing(work), ElementsAre(".w8a16-journal", "model.safetensors"));
  std::signal(SIGXFSZ, handler);

  ConvertOptions options;
  options.resume = true;
  EXPECT_EQ(QuantizeCheckpoint(source_, destination_, options).kept_shards, 1U);
  EXPECT_THAT(Listing(destination_), ElementsAre("config.json", "model.safetensors", "tokenizer.json"));
}

TEST_F(ConvertFailuresTest, LeavesNothingWhenAFileCannotBeNamed) {
  // A directory that has the name of a file to be written: noticed only when the files get their names.
  TinyLlama().Write(source_);
  std::filesystem::create_directories(destination_ / "config.json" / "x");
  ConvertOptions options;
  options.force = true;
  ExpectRefused({"cannot write", "config.json"}, options);
}

TEST_F(ConvertFailuresTest, NamesADirectoryThatCannotBeMade) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  TinyLlama().Write(source_);
  std::filesystem::create_directories(dir_ / "made");
  chmod((dir_ / "made").c_str(), 0500);
  ExpectError([this] { QuantizeCheckpoint(source_, destination_, {}); }, {"cannot make the directory", "destination"});
}

}  // namespace
}  // namespace w8a16
