#include "model/weights.h"

#include <memory>
#include <string>
#include <utility>

#include "base/parallel.h"
#include "base/strings.h"
#include "w8a16/error.h"
#include "w8a16/quantize.h"

namespace w8a16 {
namespace {

class Loader {
 public:
  Loader(const Checkpoint& checkpoint, const Architecture& architecture, WeightPolicy policy)
      : checkpoint_(checkpoint), architecture_(architecture), policy_(policy) {}

  ModelWeights Load() {
    const ModuleNames& n = architecture_.names;
    const TensorView embedding = Tensor(n.embedding + ".weight");
    std::vector<BlockWeights> blocks;
    blocks.reserve(static_cast<size_t>(architecture_.layers));
    for (int64_t i = 0; i < architecture_.layers; ++i) {
      const auto layer = [&](const std::string& name, bool bias) { return LoadLinear(n.Block(i, name), bias); };
      blocks.push_back({.attention_norm = LoadNorm(n.Block(i, n.attention_norm)),
                        .q = layer(n.q, architecture_.qkv_bias),
                        .k = layer(n.k, architecture_.qkv_bias),
                        .v = layer(n.v, architecture_.qkv_bias),
                        .o = layer(n.o, architecture_.out_bias),
                        .mlp_norm = LoadNorm(n.Block(i, n.mlp_norm)),
                        .gate = layer(n.gate, architecture_.mlp_bias),
                        .up = layer(n.up, architecture_.mlp_bias),
                        .down = layer(n.down, architecture_.mlp_bias)});
    }
    NormWeights final_norm = LoadNorm(n.final_norm);
    Linear head = LoadHead(embedding);
    return {.checkpoint = checkpoint_,
            .embedding = embedding,
            .blocks = std::move(blocks),
            .final_norm = std::move(final_norm),
            .head = std::move(head),
            .bytes = bytes_,
            .quantized = quantized_};
  }

 private:
  TensorView Tensor(const std::string& name) {
    TensorView view = checkpoint_.Get(name);
    bytes_ += view.Bytes();
    return view;
  }

  std::vector<float> Floats(const std::string& name) {
    const TensorView view = Tensor(name);
    std::vector<float> out(static_cast<size_t>(view.Elements()));
    for (size_t i = 0; i < out.size(); ++i) out[i] = LoadFloat(view.data, view.dtype, static_cast<int64_t>(i));
    return out;
  }

  NormWeights LoadNorm(const std::string& name) {
    NormWeights norm;
    norm.weight = Floats(name + ".weight");
    if (architecture_.norm.bias) norm.bias = Floats(name + ".bias");
    return norm;
  }

  static ConstMatrix AsMatrix(const TensorView& view) {
    return {view.data, view.dtype, view.shape[0], view.shape[1], view.shape[1]};
  }

  Linear FloatLinear(const std::string& name, const TensorView& weights, const TensorView& bias) const {
    return {FloatWeights{AsMatrix(weights), bias.data, bias.dtype, checkpoint_.owner()}, name};
  }

  Linear Int8Linear(const std::string& name, const QuantizedTensors& q, const TensorView& bias) {
    quantized_ = true;
    bytes_ += q.weights.Bytes() + q.scales.Bytes();
    return {Int8Weights{.data = q.weights.data,
                        .encoding = q.encoding,
                        .out_features = q.out_features,
                        .in_features = q.in_features,
                        .row_stride = q.row_stride,
                        .scales = q.scales.data,
                        .scale_dtype = q.scales.dtype,
                        .bias = bias.data,
                        .bias_dtype = bias.dtype,
                        .owner = q.owner},
            name};
  }

  // Scales keep the dtype of the weights, so that the layer is the one `w8a16 quantize` would write.
  Linear QuantizeNow(const std::string& name, const TensorView& weights, const TensorView& bias) {
    const ConstMatrix w = AsMatrix(weights);
    auto quantized = std::make_shared<QuantizedMatrix>(Quantize(w, w.dtype, name + ".weight"));
    quantized_ = true;
    bytes_ -= weights.Bytes();
    bytes_ += quantized->weights.size() + quantized->scales.size() * DTypeSize(w.dtype);
    checkpoint_.Release(name + ".weight");
    return {Int8Weights{.data = quantized->weights.data(),
                        .encoding = Int8Encoding::kSigned,
                        .out_features = w.rows,
                        .in_features = w.cols,
                        .row_stride = w.cols,
                        .scales = quantized->scales.data(),
                        .scale_dtype = DType::kF32,
                        .bias = bias.data,
                        .bias_dtype = bias.dtype,
                        .owner = quantized},
            name};
  }

  Linear LoadLinear(const std::string& name, bool has_bias) {
    const TensorView bias = has_bias ? Tensor(name + ".bias") : TensorView{};
    if (const auto quantized = checkpoint_.FindQuantized(name)) return Int8Linear(name, *quantized, bias);
    const TensorView weights = Tensor(name + ".weight");
    if (policy_ == WeightPolicy::kW8A16 && !checkpoint_.quantization()) return QuantizeNow(name, weights, bias);
    return FloatLinear(name, weights, bias);
  }

  Linear LoadHead(const TensorView& embedding) {
    const std::string& name = architecture_.names.head;
    if (architecture_.tied_head) return FloatLinear(name, embedding, {});
    if (const auto quantized = checkpoint_.FindQuantized(name)) return Int8Linear(name, *quantized, {});
    return FloatLinear(name, Tensor(name + ".weight"), {});
  }

  const Checkpoint& checkpoint_;
  const Architecture& architecture_;
  WeightPolicy policy_;
  size_t bytes_ = 0;
  bool quantized_ = false;
};

}  // namespace

ModelWeights LoadWeights(const Checkpoint& checkpoint, const Architecture& architecture, WeightPolicy policy) {
  if (policy == WeightPolicy::kOriginal && checkpoint.quantization()) {
    throw Error(StrCat((checkpoint.directory() / "config.json").string(),
                       ": quantization_config: the original weights were asked for, but this checkpoint is quantized; ",
                       "give the directory of the float checkpoint"));
  }
  CheckTensors(architecture, checkpoint);
  return Loader(checkpoint, architecture, policy).Load();
}

}  // namespace w8a16
