#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>
#include <torch/torch.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

#include "script_models.h"

namespace w8a16 {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using torch::Tensor;

class Command : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "w8a16-torch-XXXXXX";
    folder_ = mkdtemp(name.data());
    in_ = (folder_ / "in.pt").string();
    out_ = (folder_ / "out.pt").string();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  struct Result {
    int exit_code;
    std::string text;  // standard output and error
  };
  static Result Run(const std::string& arguments) {
    FILE* pipe = popen((W8A16_TORCH_COMMAND " " + arguments + " 2>&1").c_str(), "r");
    std::string text;
    std::array<char, 4096> buffer{};
    while (const size_t count = fread(buffer.data(), 1, buffer.size(), pipe)) text.append(buffer.data(), count);
    return {WEXITSTATUS(pclose(pipe)), text};
  }

  std::filesystem::path folder_;
  std::string in_;
  std::string out_;
};

TEST_F(Command, SaysWhatItIs) {
  EXPECT_EQ(Run("--version").text, "w8a16-torch " W8A16_VERSION "\n");
  for (const char* arguments : {"--help", "-h", "quantize --help", "quantize -h"}) {
    const Result result = Run(arguments);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_THAT(result.text, StartsWith("usage: w8a16-torch quantize IN.pt OUT.pt"));
  }
  EXPECT_EQ(Run("").exit_code, 2);
  EXPECT_EQ(Run("quantize a.pt").exit_code, 2);
  EXPECT_THAT(Run("quantize a.pt b.pt --what").text, HasSubstr("unknown option --what"));
}

TEST_F(Command, QuantizesAndKeepsExtraFiles) {
  for (const auto dtype : {torch::kFloat32, torch::kHalf, torch::kBFloat16}) {
    ScriptModel model;
    model.root.to(dtype);
    model.root.save(in_, {{"labels.json", "[1, 2]"}, {"folder/empty", ""}});
    const Result result = Run("quantize " + in_ + " " + out_ + " --force");
    ASSERT_EQ(result.exit_code, 0) << result.text;
    EXPECT_THAT(result.text, AllOf(HasSubstr("replaced 1 linear layers"), HasSubstr("left alone: lm_head")));
    torch::jit::ExtraFilesMap extra{{"labels.json", "not found"}, {"folder/empty", "not found"}};
    auto loaded = torch::jit::load(out_, torch::kCPU, extra);
    EXPECT_EQ(extra["labels.json"], "[1, 2]");
    EXPECT_EQ(extra["folder/empty"], "");
    EXPECT_EQ(loaded.forward({torch::ones({2, 4}, dtype)}).toTensor().scalar_type(), dtype);
  }
  EXPECT_THAT(Run("quantize " + in_ + " " + out_).text, HasSubstr("give --force to overwrite it"));
  EXPECT_THAT(Run("quantize " + in_ + " " + in_ + " --force").text, HasSubstr("one file"));
}

TEST_F(Command, SaysWhyNothingWasReplaced) {
  ScriptModel model;
  model.root.save(in_);
  const Result result = Run("quantize " + in_ + " " + out_ + " --ignore fc");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.text, AllOf(HasSubstr("error: none of this TorchScript model's linear layers can be replaced"),
                                 HasSubstr("block.fc: excluded by \"fc\""),
                                 HasSubstr("block.read: the model's code uses it otherwise than by calling it"),
                                 HasSubstr("lm_head: excluded by")));
  EXPECT_FALSE(std::filesystem::exists(out_));
}

TEST_F(Command, FilesThatAreNoTorchScript) {
  torch::save(torch::ones({3}), in_);
  std::filesystem::resize_file(in_, 40);
  EXPECT_THAT(Run("quantize " + in_ + " " + out_).text, HasSubstr("not a TorchScript file"));
  EXPECT_THAT(Run("quantize " + out_ + " " + in_).text, HasSubstr("no such file"));
}

}  // namespace
}  // namespace w8a16
