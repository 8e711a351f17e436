#include "checkpoint/quantized_tensors.h"

#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "checkpoint/foreign_layers.h"
#include "checkpoint/layer_parts.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

// What other schemes keep beside the weights. Reading on without them would give wrong numbers.
constexpr std::array<const char*, 9> kRefusedParts = {"weight_zero_point", "weight_g_idx",      "weight_global_scale",
                                                      "input_scale",       "input_zero_point",  "input_global_scale",
                                                      "output_scale",      "output_zero_point", "bitmask"};

class CompressedLayer : LayerParts {
 public:
  CompressedLayer(const Checkpoint& checkpoint, std::string_view module, QuantizedFormat format)
      : LayerParts(checkpoint, module), format_(format) {}

  std::optional<QuantizedTensors> Find() const {
    const bool packed = format_ == QuantizedFormat::kPackQuantized;
    const TensorInfo* weights = Part(packed ? "weight_packed" : "weight");
    if (weights == nullptr || (!packed && IsComputeFloat(weights->dtype))) {
      RefuseOrphans(packed ? "weight_packed" : "weight of dtype I8");
      return std::nullopt;
    }
    for (const char* part : kRefusedParts) {
      if (const TensorInfo* refused = Part(part)) {
        Fail(*refused,
             "this scheme is not supported (only symmetric weights with one scale per output channel are); "
             "convert the float checkpoint with \"w8a16 quantize\" instead");
      }
    }
    QuantizedTensors tensors = packed ? Packed(*weights) : Plain(*weights);
    tensors.weights = checkpoint().Get(weights->name);
    const TensorInfo& scales = Required("weight_scale", *weights);
    CheckScales(scales, tensors.out_features);
    tensors.scales = checkpoint().Get(scales.name);
    tensors.owner = checkpoint().owner();
    tensors.parts = {weights->name, scales.name};
    if (const TensorInfo* shape = Part("weight_shape")) tensors.parts.push_back(shape->name);
    return tensors;
  }

 private:
  void RefuseOrphans(const char* missing) const {
    for (const char* part : {"weight_packed", "weight_scale", "weight_shape"}) {
      if (const TensorInfo* orphan = Part(part)) {
        Fail(*orphan, StrCat("it belongs to a quantized layer, but \"", module(), "\" has no ", missing,
                             " as quantization_config.format \"", QuantizedFormatName(format_), "\" requires"));
      }
    }
  }

  QuantizedTensors Packed(const TensorInfo& weights) const {
    if (const TensorInfo* twin = Part("weight")) {
      Fail(*twin, StrCat("\"", weights.name, "\" holds the same weights; remove one of the two"));
    }
    const TensorInfo& shape_tensor = Required("weight_shape", weights);
    const auto [out, in] = ReadShape(shape_tensor);
    const std::vector<int64_t> expected = {out, (in - 1) / 4 + 1};
    if (weights.dtype != DType::kI32 || weights.shape != expected) {
      Fail(weights, StrCat("it is ", DTypeName(weights.dtype), " ", ShapeString(weights.shape), ", but weight_shape ",
                           ShapeString({out, in}), " takes I32 ", ShapeString(expected)));
    }
    QuantizedTensors tensors;
    tensors.encoding = Int8Encoding::kFlipped;
    tensors.out_features = out;
    tensors.in_features = in;
    tensors.row_stride = 4 * expected[1];
    return tensors;
  }

  QuantizedTensors Plain(const TensorInfo& weights) const {
    if (weights.dtype != DType::kI8 || weights.shape.size() != 2 || weights.shape[0] < 1 || weights.shape[1] < 1) {
      Fail(weights, StrCat("it is ", DTypeName(weights.dtype), " ", ShapeString(weights.shape),
                           ", but quantized weights are I8 [out_features, in_features]"));
    }
    QuantizedTensors tensors;
    tensors.out_features = weights.shape[0];
    tensors.in_features = tensors.row_stride = weights.shape[1];
    return tensors;
  }

  std::pair<int64_t, int64_t> ReadShape(const TensorInfo& tensor) const {
    if ((tensor.dtype != DType::kI64 && tensor.dtype != DType::kI32) || tensor.shape != std::vector<int64_t>{2}) {
      Fail(tensor, StrCat("it must be I64 or I32 [2], not ", DTypeName(tensor.dtype), " ", ShapeString(tensor.shape)));
    }
    const std::byte* data = checkpoint().Get(tensor.name).data;
    std::array<int64_t, 2> shape{};
    if (tensor.dtype == DType::kI64) {
      std::memcpy(shape.data(), data, sizeof(shape));
    } else {
      std::array<int32_t, 2> narrow{};
      std::memcpy(narrow.data(), data, sizeof(narrow));
      shape = {narrow[0], narrow[1]};
    }
    if (shape[0] < 1 || shape[1] < 1) {
      Fail(tensor, StrCat("it says ", ShapeString({shape[0], shape[1]}), "; sizes are positive"));
    }
    return {shape[0], shape[1]};
  }

  void CheckScales(const TensorInfo& tensor, int64_t out) const {
    const bool fits = tensor.shape == std::vector<int64_t>{out} || tensor.shape == std::vector<int64_t>{out, 1};
    if (IsComputeFloat(tensor.dtype) && fits) return;
    Fail(tensor, StrCat("it is ", DTypeName(tensor.dtype), " ", ShapeString(tensor.shape),
                        ", but one scale per output channel takes F32, F16 or BF16 ", ShapeString({out, 1})));
  }

  QuantizedFormat format_;
};

}  // namespace

std::optional<QuantizedTensors> FindQuantizedTensors(const Checkpoint& checkpoint, std::string_view module,
                                                     const QuantizationConfig& quantization) {
  switch (quantization.method) {
    case QuantizationMethod::kBitsAndBytes:
      return FindBitsAndBytes(checkpoint, module);
    case QuantizationMethod::kGptq:
      return FindGptq(checkpoint, module, 127);
    case QuantizationMethod::kGptqV2:
      return FindGptq(checkpoint, module, 128);
    case QuantizationMethod::kCompressedTensors:
      break;
  }
  return CompressedLayer(checkpoint, module, quantization.format).Find();
}

}  // namespace w8a16
