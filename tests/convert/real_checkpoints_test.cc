// Whole checkpoints against a plain computation of the definition, written independently of the code that is tested.

#include <algorithm>
#include <cmath>
#include <cstring>

#include "arch/architecture.h"
#include "convert/convert.h"
#include "convert/verify.h"
#include "testing/files.h"
#include "testing/goldens.h"

namespace w8a16 {
namespace {

using ::testing::IsEmpty;
using testing::TempDir;

// Stores float32 in another dtype by way of its bits, nearest even, or rounds a float32 source to it.
std::string Narrow(const TensorView& source, DType dtype) {
  std::string bytes(static_cast<size_t>(source.Elements()) * DTypeSize(dtype), '\0');
  for (int64_t i = 0; i < source.Elements(); ++i) {
    StoreFloat(bytes.data(), dtype, i, LoadFloat(source.data, source.dtype, i));
  }
  return bytes;
}

// The checkpoint with all its tensors in another dtype.
void WriteAs(DType dtype, const Checkpoint& source, const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  WriteTextFile(directory / "config.json", source.config_text());
  std::vector<testing::TestTensor> tensors;
  for (const TensorInfo& tensor : source.tensors()) {
    tensors.push_back(
        {tensor.name, std::string(DTypeName(dtype)), tensor.shape, Narrow(source.Get(tensor.name), dtype)});
  }
  WriteTextFile(directory / "model.safetensors", testing::SafetensorsBytes(tensors));
}

// scale = max|w| / 127 in float32, stored in the weight's dtype; q = clamp(round_half_to_even(w / scale), -127, 127).
void ExpectRowAsDefined(const TensorView& w, bool transposed, int64_t row, const QuantizedTensors& quantized) {
  const int64_t cols = w.shape[transposed ? 0 : 1];
  const auto weight = [&](int64_t k) {
    return LoadFloat(w.data, w.dtype, transposed ? k * w.shape[1] + row : row * cols + k);
  };
  float largest = 0;
  for (int64_t k = 0; k < cols; ++k) largest = std::max(largest, std::fabs(weight(k)));
  ASSERT_GT(largest, 0) << row;
  float scale = 0;
  {
    char stored[4];
    StoreFloat(stored, w.dtype, 0, largest / 127.0F);
    scale = LoadFloat(stored, w.dtype, 0);
  }
  ASSERT_EQ(LoadFloat(quantized.scales.data, quantized.scales.dtype, row), scale) << row;
  const std::byte* bytes = quantized.weights.data + row * quantized.row_stride;
  for (int64_t k = 0; k < cols; ++k) {
    const float rounded = std::nearbyintf(weight(k) / scale);
    const int q = static_cast<int>(std::clamp(rounded, -127.0F, 127.0F));
    const bool flipped = quantized.encoding == Int8Encoding::kFlipped;
    const auto stored = static_cast<int>(bytes[k]);
    ASSERT_EQ(flipped ? stored - 128 : static_cast<int8_t>(stored), q) << row << ", " << k;
  }
  for (int64_t k = cols; k < quantized.row_stride; ++k) ASSERT_EQ(bytes[k], std::byte{0});
}

void ExpectAsDefined(const std::filesystem::path& source_path, const std::filesystem::path& made_path,
                     QuantizedFormat format) {
  ConvertOptions options;
  options.format = format;
  const ConvertReport report = QuantizeCheckpoint(source_path, made_path, options);
  const Checkpoint source = Checkpoint::Open(source_path);
  const Checkpoint made = Checkpoint::Open(made_path);
  size_t linear = 0;
  for (const ModuleSpec& module : Modules(DescribeArchitecture(source))) {
    if (module.tied) continue;
    const TensorView w = source.Get(module.name + ".weight");
    if (module.role == Role::kLinear) {
      SCOPED_TRACE(module.name);
      ASSERT_EQ(report.layers.at(linear++).name, module.name);
      const auto quantized = made.FindQuantized(module.name);
      ASSERT_TRUE(quantized);
      EXPECT_EQ(quantized->scales.dtype, w.dtype);
      ASSERT_EQ((std::vector<int64_t>{quantized->out_features, quantized->in_features}), module.shape);
      for (int64_t row = 0; row < module.shape[0]; ++row) ExpectRowAsDefined(w, module.conv1d, row, *quantized);
    } else {
      EXPECT_EQ(std::memcmp(w.data, made.Get(module.name + ".weight").data, w.Bytes()), 0) << module.name;
    }
    if (module.bias) {
      const TensorView bias = source.Get(module.name + ".bias");
      EXPECT_EQ(std::memcmp(bias.data, made.Get(module.name + ".bias").data, bias.Bytes()), 0) << module.name;
    }
  }
  EXPECT_EQ(report.layers.size(), linear);
  EXPECT_GT(linear, 0U);
  EXPECT_THAT(VerifyCheckpoint(made_path), IsEmpty());
}

// There and back: the shapes of the source, and integers that do not change any more.
void ExpectDequantized(const std::filesystem::path& source_path, const std::filesystem::path& made_path,
                       const std::filesystem::path& scratch) {
  DequantizeCheckpoint(made_path, scratch / "plain", {});
  EXPECT_THAT(VerifyCheckpoint(scratch / "plain"), IsEmpty());
  const Checkpoint source = Checkpoint::Open(source_path);
  const Checkpoint plain = Checkpoint::Open(scratch / "plain");
  for (const TensorInfo& tensor : plain.tensors()) {
    EXPECT_EQ(tensor.shape, source.Find(tensor.name)->shape) << tensor.name;
    EXPECT_EQ(tensor.dtype, source.Find(tensor.name)->dtype) << tensor.name;
  }
  QuantizeCheckpoint(scratch / "plain", scratch / "again", {});
  const Checkpoint made = Checkpoint::Open(made_path);
  const Checkpoint again = Checkpoint::Open(scratch / "again");
  for (const TensorInfo& tensor : made.tensors()) {
    if (!tensor.name.ends_with(".weight_packed")) continue;
    EXPECT_EQ(std::memcmp(made.Get(tensor.name).data, again.Get(tensor.name).data, tensor.bytes), 0) << tensor.name;
  }
}

class RealCheckpoints : public ::testing::TestWithParam<const char*> {};

TEST_P(RealCheckpoints, AreQuantizedAsDefined) {
  const std::string name = GetParam();
  const auto source = name == "stories260K" ? testing::StoriesDirectory() : testing::GoldenDirectory(name);
  if (source.empty()) GTEST_SKIP() << name << " is not here";
  try {
    DescribeArchitecture(Checkpoint::Open(source));
  } catch (const Error& error) {
    GTEST_SKIP() << "not supported yet: " << error.what();
  }
  const TempDir dir;
  ExpectAsDefined(source, dir / "packed", QuantizedFormat::kPackQuantized);
  ExpectAsDefined(source, dir / "int", QuantizedFormat::kIntQuantized);
  ExpectDequantized(source, dir / "packed", dir.path());
  const Checkpoint original = Checkpoint::Open(source);
  for (const DType dtype : {DType::kBF16, DType::kF16}) {
    const std::string half(DTypeName(dtype));
    WriteAs(dtype, original, dir / half);
    ExpectAsDefined(dir / half, dir / (half + "-packed"), QuantizedFormat::kPackQuantized);
  }
}

INSTANTIATE_TEST_SUITE_P(All, RealCheckpoints,
                         ::testing::Values("stories260K", "bloom", "codegen", "cohere", "falcon-multiquery",
                                           "falcon-new", "gemma", "gemma2", "gpt2", "gpt_neo", "gpt_neox", "gptj",
                                           "granite", "llama-dynamic-rope", "llama-gqa", "llama-tied-bias",
                                           "llama-yarn", "mistral", "mixtral", "mpt", "opt", "phi", "phi3",
                                           "phi3-longrope", "qwen2", "qwen2_moe", "stablelm", "starcoder2"),
                         [](const auto& model) {
                           std::string name = model.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace w8a16
