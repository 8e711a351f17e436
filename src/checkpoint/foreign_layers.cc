#include "checkpoint/foreign_layers.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/parallel.h"
#include "base/strings.h"
#include "checkpoint/layer_parts.h"

namespace w8a16 {
namespace {

constexpr const char* kRemedy = "; convert the float checkpoint with \"w8a16 quantize\" instead";

// What QuantizedTensors::owner holds where something was computed: the memory, and the mapping for the rest.
struct Made {
  AlignedBuffer buffer;
  std::shared_ptr<const void> mapping;
};

std::string Shown(const TensorInfo& tensor) { return StrCat(DTypeName(tensor.dtype), " ", ShapeString(tensor.shape)); }

class BitsAndBytesLayer : LayerParts {
 public:
  using LayerParts::LayerParts;

  std::optional<QuantizedTensors> Find() const {
    const TensorInfo* weights = Part("weight");
    const TensorInfo* absmax = Part("SCB");
    if (weights == nullptr || weights->dtype != DType::kI8) {
      if (absmax != nullptr) Fail(*absmax, StrCat("there is no \"", module(), ".weight\" of dtype I8 to go with it"));
      return std::nullopt;
    }
    if (weights->shape.size() != 2 || weights->shape[0] < 1 || weights->shape[1] < 1) {
      Fail(*weights, StrCat("it is ", Shown(*weights), ", but quantized weights are I8 [out_features, in_features]"));
    }
    if (absmax == nullptr) absmax = &Required("SCB", *weights);
    const int64_t rows = weights->shape[0];
    if (absmax->dtype != DType::kF32 || absmax->shape != std::vector<int64_t>{rows}) {
      Fail(*absmax,
           StrCat("it is ", Shown(*absmax), ", but the largest values of the rows are F32 ", ShapeString({rows})));
    }
    const TensorInfo* layout = Part("weight_format");
    if (layout != nullptr) CheckLayout(*layout);

    const auto made = std::make_shared<Made>();
    made->mapping = checkpoint().owner();
    std::byte* scales = made->buffer.Reserve(static_cast<size_t>(rows) * sizeof(float));
    const std::byte* source = checkpoint().Get(absmax->name).data;
    for (int64_t row = 0; row < rows; ++row) {
      StoreFloat(scales, DType::kF32, row, LoadFloat(source, DType::kF32, row) / 127.0F);
    }
    QuantizedTensors found;
    found.weights = checkpoint().Get(weights->name);
    found.out_features = rows;
    found.in_features = found.row_stride = weights->shape[1];
    found.scales = {scales, DType::kF32, {rows}};
    found.owner = made;
    found.parts = {weights->name, absmax->name};
    if (layout != nullptr) found.parts.push_back(layout->name);
    return found;
  }

 private:
  // 0 is "row"; others are the tiles of one generation of GPUs.
  void CheckLayout(const TensorInfo& tensor) const {
    if (tensor.bytes != 1 || *checkpoint().Get(tensor.name).data != std::byte{0}) {
      Fail(tensor,
           StrCat("the weights are laid out for a GPU's tensor cores; only the row-major layout is read", kRemedy));
    }
  }
};

class GptqLayer : LayerParts {
 public:
  GptqLayer(const Checkpoint& checkpoint, std::string_view module, uint8_t zero)
      : LayerParts(checkpoint, module), zero_(zero) {}

  std::optional<QuantizedTensors> Find() const {
    const TensorInfo* weights = Part("qweight");
    if (weights == nullptr) {
      for (const char* part : {"qzeros", "scales", "g_idx"}) {
        if (const TensorInfo* orphan = Part(part)) {
          Fail(*orphan, StrCat("there is no \"", module(), ".qweight\" to go with it; download it again"));
        }
      }
      return std::nullopt;
    }
    if (weights->dtype != DType::kI32 || weights->shape.size() != 2 || weights->shape[0] < 1 || weights->shape[1] < 1) {
      Fail(*weights, StrCat("it is ", Shown(*weights), ", but 8-bit weights are I32 [in_features / 4, out_features]"));
    }
    const int64_t words = weights->shape[0];
    const int64_t out = weights->shape[1];
    const TensorInfo& scales = Required("scales", *weights);
    if (!IsComputeFloat(scales.dtype) || scales.shape != std::vector<int64_t>{1, out}) {
      Fail(scales, StrCat("it is ", Shown(scales), ", but one scale per output channel takes F32, F16 or BF16 ",
                          ShapeString({1, out}), " (group_size -1)", kRemedy));
    }
    const TensorInfo& zeros = Required("qzeros", *weights);
    CheckZeros(zeros, out);
    const TensorInfo* groups = Part("g_idx");
    if (groups != nullptr) CheckGroups(*groups, 4 * words);

    QuantizedTensors found;
    found.encoding = Int8Encoding::kFlipped;  // q + 128
    found.out_features = out;
    found.in_features = found.row_stride = 4 * words;
    const auto made = std::make_shared<Made>();
    made->mapping = checkpoint().owner();
    std::byte* transposed = made->buffer.Reserve(weights->bytes);
    Transpose(checkpoint().Get(weights->name).data, words, out, transposed);
    found.weights = {transposed, DType::kU8, {out, 4 * words}};
    found.scales = checkpoint().Get(scales.name);
    found.scales.shape = {out};
    found.owner = made;
    found.parts = {weights->name, scales.name, zeros.name};
    if (groups != nullptr) found.parts.push_back(groups->name);
    return found;
  }

 private:
  void CheckZeros(const TensorInfo& tensor, int64_t out) const {
    const std::vector<int64_t> expected = {1, out / 4};
    if (tensor.dtype != DType::kI32 || out % 4 != 0 || tensor.shape != expected) {
      Fail(tensor, StrCat("it is ", Shown(tensor), ", but one zero point for each of ", out, " output channels takes ",
                          "I32 ", ShapeString(expected)));
    }
    const std::byte* data = checkpoint().Get(tensor.name).data;
    const std::byte* odd = std::find_if(data, data + out, [this](std::byte b) { return b != std::byte{zero_}; });
    if (odd != data + out) {
      Fail(tensor, StrCat("output channel ", odd - data, " has the zero point ",
                          std::to_integer<int>(*odd) + 128 - zero_, ", but symmetric weights have 128", kRemedy));
    }
  }

  void CheckGroups(const TensorInfo& tensor, int64_t in) const {
    if (tensor.dtype != DType::kI32 || tensor.shape != std::vector<int64_t>{in}) {
      Fail(tensor,
           StrCat("it is ", Shown(tensor), ", but the groups of ", in, " input channels take I32 ", ShapeString({in})));
    }
    const std::byte* data = checkpoint().Get(tensor.name).data;
    if (std::any_of(data, data + tensor.bytes, [](std::byte b) { return b != std::byte{0}; })) {
      Fail(tensor, StrCat("the input channels are in several groups; one scale per output channel is read", kRemedy));
    }
  }

  // Words [rows, cols] to [cols, rows]: the four bytes of a word lie in the right order already. Square blocks, so that
  // both sides stay in the first-level cache.
  static void Transpose(const std::byte* from, int64_t rows, int64_t cols, std::byte* to) {
    constexpr int64_t kBlock = 32;
    constexpr size_t kWord = 4;
    ParallelFor(cols, kBlock, kBlock, [&](int64_t begin, int64_t end) {
      for (int64_t col0 = begin; col0 < end; col0 += kBlock) {
        for (int64_t row0 = 0; row0 < rows; row0 += kBlock) {
          for (int64_t col = col0; col < std::min(col0 + kBlock, end); ++col) {
            for (int64_t row = row0; row < std::min(row0 + kBlock, rows); ++row) {
              std::memcpy(to + (col * rows + row) * kWord, from + (row * cols + col) * kWord, kWord);
            }
          }
        }
      }
    });
  }

  uint8_t zero_;
};

}  // namespace

std::optional<QuantizedTensors> FindBitsAndBytes(const Checkpoint& checkpoint, std::string_view module) {
  return BitsAndBytesLayer(checkpoint, module).Find();
}

std::optional<QuantizedTensors> FindGptq(const Checkpoint& checkpoint, std::string_view module, uint8_t zero) {
  return GptqLayer(checkpoint, module, zero).Find();
}

}  // namespace w8a16
