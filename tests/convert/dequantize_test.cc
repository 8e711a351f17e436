#include <cmath>

#include "base/parallel.h"
#include "checkpoint/quantization_config.h"
#include "convert/convert.h"
#include "convert/tiny_llama.h"
#include "convert/verify.h"

namespace w8a16 {
namespace {

using testing::Contents;
using ::testing::ElementsAre;
using testing::ExpectError;
using ::testing::IsEmpty;
using testing::Listing;
using testing::TempDir;
using testing::TinyLlama;

constexpr const char* kDown = "model.layers.0.mlp.down_proj";

class DequantizeTest : public ::testing::Test {
 protected:
  Checkpoint Quantize(const TinyLlama& model, QuantizedFormat format) {
    model.Write(source_);
    ConvertOptions options;
    options.format = format;
    options.force = true;
    QuantizeCheckpoint(source_, quantized_, options);
    return Checkpoint::Open(quantized_);
  }
  Checkpoint Dequantize(const DequantizeOptions& options) {
    std::filesystem::remove_all(plain_);
    report_ = DequantizeCheckpoint(quantized_, plain_, options);
    return Checkpoint::Open(plain_);
  }

  TempDir dir_;
  std::filesystem::path source_ = dir_ / "source";
  std::filesystem::path quantized_ = dir_ / "quantized";
  std::filesystem::path plain_ = dir_ / "plain";
  ConvertReport report_;
};

TEST_F(DequantizeTest, GivesTheProductsInEveryDType) {
  for (const QuantizedFormat format : {QuantizedFormat::kPackQuantized, QuantizedFormat::kIntQuantized}) {
    for (const DType from : {DType::kF32, DType::kBF16}) {
      for (const std::optional<DType> to : {std::optional<DType>(), std::optional(DType::kF32),
                                            std::optional(DType::kF16), std::optional(DType::kBF16)}) {
        TinyLlama model(from);
        const Checkpoint quantized = Quantize(model, format);
        DequantizeOptions options;
        options.dtype = to;
        const Checkpoint plain = Dequantize(options);
        ASSERT_EQ(plain.tensors().size(), model.tensors().size());
        EXPECT_FALSE(plain.quantization());
        for (const TensorInfo& tensor : plain.tensors()) {
          SCOPED_TRACE(tensor.name);
          EXPECT_EQ(tensor.dtype, to.value_or(from));
          const TensorView made = plain.Get(tensor.name);
          const auto layer = quantized.FindQuantized(tensor.name.substr(0, tensor.name.rfind('.')));
          for (int64_t i = 0; i < made.Elements(); ++i) {
            float value = 0;
            if (layer) {
              const int64_t row = i / layer->in_features;
              const auto byte =
                  static_cast<uint8_t>(layer->weights.data[row * layer->row_stride + i % layer->in_features]);
              const int q = layer->encoding == Int8Encoding::kFlipped ? byte - 128 : static_cast<int8_t>(byte);
              value = static_cast<float>(q) * LoadFloat(layer->scales.data, layer->scales.dtype, row);
            } else {
              value = LoadFloat(quantized.Get(tensor.name).data, from, i);
            }
            std::byte rounded[4];
            StoreFloat(rounded, made.dtype, 0, value);
            ASSERT_EQ(LoadFloat(made.data, made.dtype, i), LoadFloat(rounded, made.dtype, 0)) << i;
          }
        }
        EXPECT_EQ(report_.layers.size(), 7U);
        EXPECT_THAT(VerifyCheckpoint(plain_), IsEmpty());
      }
    }
  }
}

TEST_F(DequantizeTest, QuantizingAgainGivesTheSameIntegers) {
  const Checkpoint first = Quantize(TinyLlama(), QuantizedFormat::kPackQuantized);
  Dequantize({});
  QuantizeCheckpoint(plain_, dir_ / "again", {});
  const Checkpoint again = Checkpoint::Open(dir_ / "again");
  ASSERT_EQ(again.tensors().size(), first.tensors().size());
  for (const TensorInfo& tensor : first.tensors()) {
    if (!tensor.name.ends_with("_packed")) continue;
    EXPECT_EQ(std::memcmp(first.Get(tensor.name).data, again.Get(tensor.name).data, tensor.bytes), 0) << tensor.name;
  }
}

TEST_F(DequantizeTest, LeavesAPlainConfig) {
  TinyLlama model;
  model.config()["torch_dtype"] = "float32";
  Quantize(model, QuantizedFormat::kPackQuantized);
  DequantizeOptions options;
  EXPECT_EQ(Dequantize(options).config_text(), JsonFileText(model.config()));
  options.dtype = DType::kBF16;
  model.config()["torch_dtype"] = "bfloat16";
  EXPECT_EQ(Dequantize(options).config_text(), JsonFileText(model.config()));
  // As newer transformers name it.
  model.config().erase("torch_dtype");
  model.config()["dtype"] = "float32";
  Quantize(model, QuantizedFormat::kPackQuantized);
  options.dtype = DType::kF16;
  model.config()["dtype"] = "float16";
  EXPECT_EQ(Dequantize(options).config_text(), JsonFileText(model.config()));
}

TEST_F(DequantizeTest, WritesShardsAndResumes) {
  Quantize(TinyLlama(), QuantizedFormat::kPackQuantized);
  DequantizeOptions options;
  options.max_shard_bytes = 1000;
  Dequantize(options);
  const auto expected = Contents(plain_);
  EXPECT_GT(report_.shards, 2U);
  std::filesystem::remove_all(plain_);
  int calls = 8;
  const auto stop = [&calls](uint64_t, uint64_t) {
    if (--calls < 0) throw std::runtime_error("stop");
  };
  EXPECT_THROW(DequantizeCheckpoint(quantized_, plain_, options, stop), std::runtime_error);
  options.resume = true;
  const ConvertReport report = DequantizeCheckpoint(quantized_, plain_, options);
  EXPECT_GE(report.kept_shards, 1U);
  EXPECT_EQ(report.layers.size(), 7U);
  EXPECT_EQ(Contents(plain_), expected);
}

TEST_F(DequantizeTest, RefusesWhatDoesNotFitTheDType) {
  TinyLlama model;
  model.Set(std::string(kDown) + ".weight", 0, {1e6F});
  Quantize(model, QuantizedFormat::kPackQuantized);
  DequantizeOptions options;
  options.dtype = DType::kF16;
  ExpectError([&] { Dequantize(options); }, {std::string(kDown) + ".weight_packed", "too large for F16", "bf16"});
  EXPECT_THAT(Listing(dir_.path()), ElementsAre("quantized", "source"));

  model = TinyLlama();
  model.Set("lm_head.weight", 3, {1e6F});
  Quantize(model, QuantizedFormat::kPackQuantized);
  ExpectError([&] { Dequantize(options); }, {"\"lm_head.weight\"", "too large for F16"});
  // An infinity was there before.
  model.Set("lm_head.weight", 3, {INFINITY});
  Quantize(model, QuantizedFormat::kPackQuantized);
  EXPECT_NO_THROW(Dequantize(options));
}

TEST_F(DequantizeTest, RefusesAFloatSource) {
  TinyLlama().Write(source_);
  ExpectError([&] { DequantizeCheckpoint(source_, plain_, {}); }, {"config.json", "not quantized"});
}

}  // namespace
}  // namespace w8a16
