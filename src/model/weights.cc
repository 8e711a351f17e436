#include "model/weights.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "base/parallel.h"
#include "base/strings.h"
#include "w8a16/error.h"
#include "w8a16/quantize.h"

namespace w8a16 {
namespace {

// A matrix and what keeps it alive.
struct OwnedMatrix {
  ConstMatrix matrix;
  std::shared_ptr<const void> owner;
};

// [cols, rows] from [rows, cols], in tiles that stay in the cache.
OwnedMatrix Transposed(const ConstMatrix& in) {
  const size_t element = DTypeSize(in.dtype);
  auto bytes = std::make_shared<std::vector<std::byte>>(static_cast<size_t>(in.rows * in.cols) * element);
  constexpr int64_t kTile = 64;
  ParallelFor(in.cols, kTile, kTile, [&](int64_t begin, int64_t end) {
    for (int64_t first = 0; first < in.rows; first += kTile) {
      for (int64_t col = begin; col < end; ++col) {
        for (int64_t row = first; row < std::min(first + kTile, in.rows); ++row) {
          std::memcpy(bytes->data() + static_cast<size_t>(col * in.rows + row) * element,
                      static_cast<const std::byte*>(in.Row(row)) + static_cast<size_t>(col) * element, element);
        }
      }
    }
  });
  return {{bytes->data(), in.dtype, in.cols, in.rows, in.rows}, bytes};
}

class Loader {
 public:
  Loader(const Checkpoint& checkpoint, const Architecture& architecture, WeightPolicy policy)
      : checkpoint_(checkpoint), a_(architecture), n_(architecture.names), policy_(policy) {}

  ModelWeights Load() {
    const bool projected = a_.embedding_size != a_.hidden_size;
    const TensorView embedding = Tensor(n_.Outer(n_.embedding) + ".weight");
    TensorView positions;
    if (!n_.positions.empty()) positions = Tensor(n_.Outer(n_.positions) + ".weight");
    std::vector<BlockWeights> blocks;
    blocks.reserve(a_.layers.size());
    for (size_t i = 0; i < a_.layers.size(); ++i) blocks.push_back(LoadBlock(static_cast<int64_t>(i)));
    ModelWeights weights = {.checkpoint = checkpoint_,
                            .embedding = embedding,
                            .positions = positions,
                            .project_in = {},
                            .embedding_norm = LoadNorm(n_.Outer(n_.embedding_norm), a_.norm),
                            .blocks = std::move(blocks),
                            .final_norm = LoadNorm(n_.Outer(n_.final_norm), a_.norm),
                            .project_out = {},
                            .head = LoadHead(embedding)};
    if (projected) {
      weights.project_in.emplace(LoadLinear(n_.Outer(n_.project_in), false, Kind::kLinear));
      weights.project_out.emplace(LoadLinear(n_.Outer(n_.project_out), false, Kind::kLinear));
    }
    weights.bytes = bytes_;
    weights.quantized = quantized_;
    return weights;
  }

 private:
  enum class Kind : uint8_t { kLinear, kConv1d, kFloat };

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

  std::optional<NormWeights> LoadNorm(const std::string& name, const NormSpec& spec) {
    if (name.empty()) return {};
    NormWeights norm;
    if (spec.weight) norm.weight = Floats(name + ".weight");
    if (spec.bias) norm.bias = Floats(name + ".bias");
    return norm;
  }

  BranchNorms LoadNorms(int64_t layer, const std::string& in, const std::string& out, const std::string& sum) {
    return {LoadNorm(n_.Block(layer, in), a_.norm), LoadNorm(n_.Block(layer, out), a_.norm),
            LoadNorm(n_.Block(layer, sum), a_.norm)};
  }

  // Weights of all heads one after another, however they are stored.
  std::optional<NormWeights> LoadQkNorm(const std::string& name, int64_t heads) {
    if (name.empty()) return {};
    const NormSpec& spec = a_.attention.qk_norm;
    const bool modules = a_.attention.qk_norm_scope == QkNormScope::kHeadModule;
    NormWeights norm = *LoadNorm(modules ? name + ".0" : name, spec);
    const bool shared = a_.attention.qk_norm_scope == QkNormScope::kHead;
    const NormWeights first = norm;
    for (int64_t head = 1; head < heads && (modules || shared); ++head) {
      const NormWeights next = modules ? *LoadNorm(StrCat(name, ".", head), spec) : first;
      norm.weight.insert(norm.weight.end(), next.weight.begin(), next.weight.end());
      norm.bias.insert(norm.bias.end(), next.bias.begin(), next.bias.end());
    }
    return norm;
  }

  BlockWeights LoadBlock(int64_t layer) {
    BlockWeights block = {
        .attention_norms = LoadNorms(layer, n_.attention_in_norm, n_.attention_out_norm, n_.attention_sum_norm),
        .attention = LoadAttention(layer),
        .mlp_norms = LoadNorms(layer, n_.mlp_in_norm, n_.mlp_out_norm, n_.mlp_sum_norm),
        .mlp = {},
        .experts = {}};
    if (a_.layers[static_cast<size_t>(layer)].experts) {
      block.experts.emplace(LoadExperts(layer));
    } else {
      block.mlp.emplace(
          LoadMlp(layer, {n_.gate_up.empty() ? n_.gate : n_.gate_up, n_.gate_up.empty() ? n_.up : ""}, n_.down));
    }
    return block;
  }

  AttentionWeights LoadAttention(int64_t layer) {
    const AttentionSpec& spec = a_.attention;
    std::vector<std::string> names = {n_.qkv};
    if (n_.qkv.empty()) names = {n_.q, n_.k, n_.v};
    return {.qkv = LoadBlockLinears(layer, names, spec.qkv_bias),
            .o = LoadBlockLinear(layer, n_.o, spec.out_bias),
            .q_norm = LoadQkNorm(n_.Block(layer, n_.q_norm), spec.heads),
            .k_norm = LoadQkNorm(n_.Block(layer, n_.k_norm), spec.kv_heads)};
  }

  MlpWeights LoadMlp(int64_t layer, const std::vector<std::string>& in, const std::string& down) {
    return {.in = LoadBlockLinears(layer, in, a_.mlp.bias), .down = LoadBlockLinear(layer, down, a_.mlp.bias)};
  }

  ExpertsWeights LoadExperts(int64_t layer) {
    const auto load_expert = [&](const std::string& expert) {
      return LoadMlp(layer, {StrCat(expert, ".", n_.expert_gate), StrCat(expert, ".", n_.expert_up)},
                     StrCat(expert, ".", n_.expert_down));
    };
    ExpertsWeights weights = {.router = LoadLinear(n_.Block(layer, n_.router), false, Kind::kFloat),
                              .experts = {},
                              .shared = {},
                              .shared_gate = {}};
    weights.experts.reserve(static_cast<size_t>(a_.experts.count));
    for (int64_t e = 0; e < a_.experts.count; ++e) weights.experts.push_back(load_expert(StrCat(n_.experts, ".", e)));
    if (a_.experts.shared_intermediate_size != 0) {
      weights.shared.emplace(load_expert(n_.shared_expert));
      weights.shared_gate.emplace(LoadLinear(n_.Block(layer, n_.shared_expert_gate), false, Kind::kFloat));
    }
    return weights;
  }

  static ConstMatrix AsMatrix(const TensorView& view) {
    return {view.data, view.dtype, view.shape[0], view.shape[1], view.shape[1]};
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
  Linear QuantizeNow(const std::string& name, const ConstMatrix& w, const TensorView& bias) {
    auto quantized = std::make_shared<QuantizedMatrix>(Quantize(w, w.dtype, name + ".weight"));
    quantized_ = true;
    bytes_ -= static_cast<size_t>(w.rows * w.cols) * DTypeSize(w.dtype);
    bytes_ += quantized->weights.size() + quantized->scales.size() * DTypeSize(w.dtype);
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

  Linear LoadLinear(const std::string& name, bool has_bias, Kind kind) {
    const TensorView bias = has_bias ? Tensor(name + ".bias") : TensorView{};
    if (const auto quantized = checkpoint_.FindQuantized(name)) return Int8Linear(name, *quantized, bias);
    const std::string weight = name + ".weight";
    OwnedMatrix w = {AsMatrix(Tensor(weight)), checkpoint_.owner()};
    const bool quantize = kind != Kind::kFloat && policy_ == WeightPolicy::kW8A16 && !checkpoint_.quantization();
    if (kind == Kind::kConv1d) w = Transposed(w.matrix);
    Linear linear = quantize ? QuantizeNow(name, w.matrix, bias)
                             : Linear(FloatWeights{w.matrix, bias.data, bias.dtype, w.owner}, name);
    // The model runs on a copy.
    if (quantize || kind == Kind::kConv1d) checkpoint_.Release(weight);
    return linear;
  }

  Linear LoadBlockLinear(int64_t layer, const std::string& name, bool bias) {
    return LoadLinear(n_.Block(layer, name), bias, a_.conv1d ? Kind::kConv1d : Kind::kLinear);
  }

  std::vector<Linear> LoadBlockLinears(int64_t layer, const std::vector<std::string>& names, bool bias) {
    std::vector<Linear> layers;
    for (const std::string& name : names) {
      if (!name.empty()) layers.push_back(LoadBlockLinear(layer, name, bias));
    }
    return layers;
  }

  Linear LoadHead(const TensorView& embedding) {
    if (!a_.tied_head) return LoadLinear(n_.head, a_.head_bias, Kind::kFloat);
    const TensorView bias = a_.head_bias ? Tensor(n_.head + ".bias") : TensorView{};
    return {FloatWeights{AsMatrix(embedding), bias.data, bias.dtype, checkpoint_.owner()}, n_.head};
  }

  const Checkpoint& checkpoint_;
  const Architecture& a_;
  const ModuleNames& n_;
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
