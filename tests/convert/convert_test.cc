#include "convert/convert.h"

#include "base/parallel.h"
#include "checkpoint/quantization_config.h"
#include "convert/tiny_llama.h"
#include "convert/verify.h"

namespace w8a16 {
namespace {

using testing::Bytes;
using testing::Contents;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::Listing;
using testing::TempDir;
using testing::TestTensor;
using testing::TinyLlama;

constexpr const char* kDown = "model.layers.0.mlp.down_proj";

std::string TensorBytes(const Checkpoint& checkpoint, const std::string& name) {
  const TensorView view = checkpoint.Get(name);
  return {reinterpret_cast<const char*>(view.data), view.Bytes()};
}

std::string Hex(const std::string& bytes) {
  std::string hex;
  for (const unsigned char byte : bytes) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

class ConvertTest : public ::testing::Test {
 protected:
  Checkpoint Convert(const TinyLlama& model, const ConvertOptions& options = {}) {
    model.Write(source_);
    report_ = QuantizeCheckpoint(source_, destination_, options);
    return Checkpoint::Open(destination_);
  }

  TempDir dir_;
  std::filesystem::path source_ = dir_ / "source";
  std::filesystem::path destination_ = dir_ / "made" / "destination";
  ConvertReport report_;
};

// Two rows of down_proj worked out by hand. The largest weight of the first is 127, so that its scale is 1 and halves
// show the rounding; the second is zero and gets scale 1.
TinyLlama ByHand(DType dtype) {
  TinyLlama model(dtype);
  model.Set(std::string(kDown) + ".weight", 0, {127, -63.5F, 0.5F, 1.5F, -127, 0, 0, 0, 0, 0});
  return model;
}

TEST_F(ConvertTest, PacksTheBytesWorkedOutByHand) {
  const Checkpoint made = Convert(ByHand(DType::kF32));
  const TensorInfo& packed = *made.Find(std::string(kDown) + ".weight_packed");
  EXPECT_EQ(packed.dtype, DType::kI32);
  EXPECT_EQ(packed.shape, (std::vector<int64_t>{6, 2}));
  EXPECT_EQ(Hex(TensorBytes(made, packed.name).substr(0, 16)),
            "ff40808201000000"
            "8080808080000000");
  const TensorInfo& scale = *made.Find(std::string(kDown) + ".weight_scale");
  EXPECT_EQ(scale.dtype, DType::kF32);
  EXPECT_EQ(scale.shape, (std::vector<int64_t>{6, 1}));
  EXPECT_EQ(TensorBytes(made, scale.name).substr(0, 8), Bytes<float>({1, 1}));
  const TensorInfo& shape = *made.Find(std::string(kDown) + ".weight_shape");
  EXPECT_EQ(shape.dtype, DType::kI64);
  EXPECT_EQ(shape.shape, std::vector<int64_t>{2});
  EXPECT_EQ(TensorBytes(made, shape.name), Bytes<int64_t>({6, 5}));
  EXPECT_EQ(made.Find(std::string(kDown) + ".weight"), nullptr);
}

TEST_F(ConvertTest, WritesPlainBytesWorkedOutByHand) {
  ConvertOptions options;
  options.format = QuantizedFormat::kIntQuantized;
  const Checkpoint made = Convert(ByHand(DType::kBF16), options);
  const TensorInfo& weights = *made.Find(std::string(kDown) + ".weight");
  EXPECT_EQ(weights.dtype, DType::kI8);
  EXPECT_EQ(weights.shape, (std::vector<int64_t>{6, 5}));
  EXPECT_EQ(Hex(TensorBytes(made, weights.name).substr(0, 10)),
            "7fc0000281"
            "0000000000");
  const TensorInfo& scale = *made.Find(std::string(kDown) + ".weight_scale");
  EXPECT_EQ(scale.dtype, DType::kBF16);
  EXPECT_EQ(scale.shape, (std::vector<int64_t>{6, 1}));
  EXPECT_EQ(Hex(TensorBytes(made, scale.name).substr(0, 4)), "803f803f");
  EXPECT_EQ(made.Find(std::string(kDown) + ".weight_packed"), nullptr);
  EXPECT_EQ(made.Find(std::string(kDown) + ".weight_shape"), nullptr);
}

TEST_F(ConvertTest, KeepsAllOtherTensorsBitForBit) {
  for (const QuantizedFormat format : {QuantizedFormat::kPackQuantized, QuantizedFormat::kIntQuantized}) {
    TinyLlama model(DType::kF16);
    model.tensors().push_back({"extra.mask", "BOOL", {3}, std::string("\1\0\1", 3)});
    model.tensors().push_back({"model.rotary.inv_freq", "F64", {1}, Bytes<double>({0.1})});
    ConvertOptions options;
    options.format = format;
    options.force = true;
    const Checkpoint made = Convert(model, options);
    size_t kept = 0;
    for (const TestTensor& tensor : model.tensors()) {
      if (tensor.name.find("proj") != std::string::npos) continue;
      EXPECT_EQ(TensorBytes(made, tensor.name), tensor.bytes) << tensor.name;
      EXPECT_EQ(DTypeName(made.Find(tensor.name)->dtype), tensor.dtype);
      EXPECT_EQ(made.Find(tensor.name)->shape, tensor.shape);
      ++kept;
    }
    EXPECT_EQ(made.tensors().size(), kept + 7 * (format == QuantizedFormat::kPackQuantized ? 3 : 2));
  }
}

TEST_F(ConvertTest, AlignsEveryTensor) {
  for (const QuantizedFormat format : {QuantizedFormat::kPackQuantized, QuantizedFormat::kIntQuantized}) {
    ConvertOptions options;
    options.format = format;
    options.force = true;
    const Checkpoint made = Convert(TinyLlama(DType::kBF16), options);
    for (const TensorInfo& tensor : made.tensors()) {
      EXPECT_EQ(tensor.offset % DTypeSize(tensor.dtype), 0U) << tensor.name;
    }
  }
}

TEST_F(ConvertTest, ReadsAFileWhoseDataAreNotAligned) {
  TinyLlama model;
  Convert(model);
  const auto expected = Contents(destination_);
  std::string bytes = testing::SafetensorsBytes(model.tensors());
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof(header));
  const size_t spaces = 9 - header % 8;  // data then begin one byte after a multiple of 8
  bytes.insert(8 + header, std::string(spaces, ' '));
  header += spaces;
  std::memcpy(bytes.data(), &header, sizeof(header));
  WriteTextFile(source_ / "model.safetensors", bytes);
  ConvertOptions options;
  options.force = true;
  QuantizeCheckpoint(source_, destination_, options);
  EXPECT_EQ(Contents(destination_), expected);
}

TEST_F(ConvertTest, WritesTheConfigLast) {
  const Checkpoint made = Convert(TinyLlama());
  TinyLlama model;
  const Json expected = WithQuantizationConfig(model.config(), {QuantizedFormat::kPackQuantized, {"lm_head"}});
  EXPECT_EQ(ParseJson(made.config_text(), "config.json").dump(), expected.dump());
  ASSERT_TRUE(made.quantization());
  EXPECT_THAT(made.quantization()->ignore, ElementsAre("lm_head"));
  EXPECT_THAT(Listing(destination_), ElementsAre("config.json", "model.safetensors"));
  EXPECT_THAT(VerifyCheckpoint(destination_), IsEmpty());
}

TEST_F(ConvertTest, CarriesTheFormatInTheMetadata) {
  Convert(TinyLlama());
  EXPECT_EQ(ReadTextFile(destination_ / "model.safetensors").substr(8, 33), R"({"__metadata__":{"format":"pt"},")");
}

TEST_F(ConvertTest, Reports) {
  TinyLlama model;
  ConvertOptions options;
  options.ignore = {"up_proj", "nothing"};
  Convert(model, options);
  uint64_t before = 0;
  for (const TestTensor& tensor : model.tensors()) before += tensor.bytes.size();
  uint64_t after = 0;
  const Checkpoint made = Checkpoint::Open(destination_);
  for (const TensorInfo& tensor : made.tensors()) after += tensor.bytes;
  EXPECT_EQ(report_.bytes_before, before);
  EXPECT_EQ(report_.bytes_after, after);
  EXPECT_LT(after, before);
  ASSERT_EQ(report_.layers.size(), 6U);
  EXPECT_EQ(report_.layers[5].name, kDown);
  EXPECT_EQ(report_.layers[5].out_features, 6);
  EXPECT_EQ(report_.layers[5].in_features, 5);
  for (const ConvertedLayer& layer : report_.layers) {
    EXPECT_GT(layer.sqnr_db, 35) << layer.name;
    EXPECT_LT(layer.sqnr_db, 70) << layer.name;
  }
  ASSERT_EQ(report_.ignored.size(), 2U);
  EXPECT_EQ(report_.ignored[0].name, "model.layers.0.mlp.up_proj");
  EXPECT_EQ(report_.ignored[0].reason, "--ignore up_proj");
  EXPECT_EQ(report_.ignored[1].name, "lm_head");
  EXPECT_EQ(report_.ignored[1].reason, "output head (--no-default-ignore quantizes it)");
  ASSERT_EQ(report_.unmatched.size(), 1U);
  EXPECT_EQ(report_.unmatched[0].pattern, "nothing");
  EXPECT_THAT(made.quantization()->ignore, ElementsAre("model.layers.0.mlp.up_proj", "lm_head"));
  EXPECT_FALSE(made.FindQuantized("model.layers.0.mlp.up_proj"));
}

TEST_F(ConvertTest, QuantizesTheHeadOnRequest) {
  ConvertOptions options;
  options.default_ignore = false;
  const Checkpoint made = Convert(TinyLlama(), options);
  EXPECT_TRUE(made.FindQuantized("lm_head"));
  EXPECT_THAT(made.quantization()->ignore, IsEmpty());
  EXPECT_THAT(VerifyCheckpoint(destination_), IsEmpty());
}

TEST_F(ConvertTest, DropsTheCopyOfATiedHead) {
  TinyLlama model(DType::kF32, true);
  Convert(model);
  const auto expected = Contents(destination_);
  model.Add("lm_head", {7, 6});
  ConvertOptions options;
  options.force = true;
  const Checkpoint made = Convert(model, options);
  EXPECT_EQ(Contents(destination_), expected);
  EXPECT_EQ(made.Find("lm_head.weight"), nullptr);
  ASSERT_EQ(report_.ignored.size(), 1U);
  EXPECT_EQ(report_.ignored[0].name, "lm_head");
  EXPECT_EQ(report_.ignored[0].reason, "output head, tied to the embedding");
  EXPECT_THAT(made.quantization()->ignore, ElementsAre("lm_head"));
}

TEST_F(ConvertTest, ShowsProgressToTheEnd) {
  TinyLlama model(DType::kF32, true);
  model.Add("lm_head", {7, 6});
  model.Write(source_);
  uint64_t last = 0;
  uint64_t in_all = 0;
  const ConvertReport report = QuantizeCheckpoint(source_, destination_, {}, [&](uint64_t done, uint64_t total) {
    EXPECT_GE(done, last);
    last = done;
    in_all = total;
  });
  EXPECT_EQ(in_all, report.bytes_before);
  EXPECT_EQ(last, in_all);
}

TEST_F(ConvertTest, WritesTheSameBytesWithAnyNumberOfThreads) {
  TinyLlama model;
  // Large enough for several chunks of rows.
  model.config()["intermediate_size"] = 30'011;
  for (const char* name : {"gate_proj", "up_proj"}) {
    auto& tensor = model.tensor(std::string("model.layers.0.mlp.") + name + ".weight");
    tensor.shape = {30'011, 6};
    tensor.bytes = Bytes(std::vector<float>(30'011 * 6, 0.25F));
    for (size_t i = 0; i < 30'011; ++i) model.Set(tensor.name, i * 6, {static_cast<float>(i % 97) * 0.01F});
  }
  auto& down = model.tensor(std::string(kDown) + ".weight");
  down.shape = {6, 30'011};
  down.bytes = Bytes(std::vector<float>(30'011 * 6, 0.125F));
  model.Write(source_);
  const int threads = MaxThreads();
  std::vector<std::map<std::string, std::string>> made;
  std::vector<std::vector<double>> errors;
  for (const int count : {1, 2, 3, 7}) {
    SetMaxThreads(count);
    ConvertOptions options;
    options.force = true;
    const ConvertReport report = QuantizeCheckpoint(source_, destination_, options);
    made.push_back(Contents(destination_));
    std::vector<double>& sqnr = errors.emplace_back();
    for (const ConvertedLayer& layer : report.layers) sqnr.push_back(layer.sqnr_db);
  }
  SetMaxThreads(threads);
  for (size_t i = 1; i < made.size(); ++i) {
    EXPECT_TRUE(made[i] == made[0]) << i;
    EXPECT_EQ(errors[i], errors[0]) << i;
  }
}

TEST_F(ConvertTest, ReplacesWeightFilesOnlyWhenForced) {
  std::filesystem::create_directories(destination_);
  for (const char* name : {"model-1.safetensors", "model.safetensors.index.json", "other.safetensors", "notes.txt",
                           "notes.partial", "config.json"}) {
    WriteTextFile(destination_ / name, "old");
  }
  std::filesystem::create_directory(destination_ / "folder.safetensors");
  ConvertOptions options;
  options.force = true;
  Convert(TinyLlama(), options);
  EXPECT_THAT(Listing(destination_),
              ElementsAre("config.json", "folder.safetensors", "model.safetensors", "notes.partial", "notes.txt"));
  EXPECT_EQ(ReadTextFile(destination_ / "notes.txt"), "old");
}

TEST_F(ConvertTest, TakesAnEmptyDirectoryAndATrailingSlash) {
  std::filesystem::create_directories(destination_);
  TinyLlama().Write(source_);
  QuantizeCheckpoint(source_, destination_.string() + "/", {});
  EXPECT_THAT(VerifyCheckpoint(destination_), IsEmpty());
  QuantizeCheckpoint(source_, (dir_ / "fresh").string() + "/", {});
  EXPECT_THAT(VerifyCheckpoint(dir_ / "fresh"), IsEmpty());
}

TEST_F(ConvertTest, MayWriteBelowTheSource) {
  TinyLlama().Write(source_);
  QuantizeCheckpoint(source_, source_ / "quantized", {});
  EXPECT_THAT(Listing(source_), ElementsAre("config.json", "model.safetensors", "quantized"));
  EXPECT_THAT(VerifyCheckpoint(source_ / "quantized"), IsEmpty());
}

}  // namespace
}  // namespace w8a16
