#include "convert/transform.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/parallel.h"
#include "base/strings.h"
#include "convert/quantize_transform.h"

namespace w8a16 {
namespace {

// Less than this is not worth a thread.
constexpr int64_t kGrainBytes = int64_t{128} << 10;

std::string Where(const Checkpoint& checkpoint, const TensorInfo& tensor) {
  return StrCat((checkpoint.directory() / tensor.file).string(), ": tensor \"", tensor.name, "\"");
}

[[noreturn]] void FailTooLarge(const std::string& where, DType dtype) {
  throw UnusableSource(
      StrCat(where, ": a weight is too large for ", DTypeName(dtype), "; choose another --dtype (bf16 or f32)"));
}

class CopyTransform : public BlockTransform {
 public:
  explicit CopyTransform(int64_t row_bytes) : row_bytes_(row_bytes) {}
  void Rows(const std::byte* in, int64_t /*first*/, int64_t count, std::byte* out) override {
    std::memcpy(out, in, static_cast<size_t>(count * row_bytes_));
  }

 private:
  int64_t row_bytes_;
};

// Elements are the rows.
class CastTransform : public BlockTransform {
 public:
  CastTransform(std::string where, DType from, DType to) : where_(std::move(where)), from_(from), to_(to) {}
  void Rows(const std::byte* in, int64_t /*first*/, int64_t count, std::byte* out) override {
    ParallelFor(count, kGrainBytes / 4, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float value = LoadFloat(in, from_, i);
        StoreFloat(out, to_, i, value);
        if (to_ == DType::kF16 && std::isfinite(value) && !std::isfinite(LoadFloat(out, to_, i))) {
          FailTooLarge(where_, to_);
        }
      }
    });
  }

 private:
  std::string where_;
  DType from_;
  DType to_;
};

// Rows of weights, with one scale each; or, where the float weight lies transposed, rows of columns, with all scales
// for each.
class DequantizeTransform : public BlockTransform {
 public:
  DequantizeTransform(const Checkpoint& checkpoint, const ConvertStep& step, const QuantizedTensors& layer)
      : where_(Where(checkpoint, step.source)),
        encoding_(layer.encoding),
        transposed_(step.transposed),
        out_features_(layer.out_features),
        row_elements_(step.made[0].shape[1]),
        row_bytes_(step.transposed ? layer.out_features : layer.row_stride),
        to_(step.made[0].dtype),
        owner_(layer.owner) {
    for (int64_t row = 0; row < out_features_; ++row) {
      scales_.push_back(LoadFloat(layer.scales.data, layer.scales.dtype, row));
    }
    layer_.name = step.module;
    layer_.out_features = layer.out_features;
    layer_.in_features = layer.in_features;
    layer_.bytes_before = step.bytes_before;
    layer_.bytes_after = step.BytesAfter();
  }

  void Rows(const std::byte* in, int64_t first, int64_t count, std::byte* out) override {
    const auto row_bytes_out = row_elements_ * static_cast<int64_t>(DTypeSize(to_));
    ParallelFor(count, std::max<int64_t>(1, kGrainBytes / row_elements_), 1, [&](int64_t begin, int64_t end) {
      std::vector<float> row(static_cast<size_t>(row_elements_));
      for (int64_t r = begin; r < end; ++r) {
        const std::byte* q = in + r * row_bytes_;
        if (transposed_) {
          // As many rows of one weight.
          DequantizeRows(q, 1, encoding_, scales_.data(), row_elements_, 1, row.data(), 1);
        } else {
          DequantizeRows(q, row_bytes_, encoding_, scales_.data() + first + r, 1, row_elements_, row.data(), 1);
        }
        Store(row, out + r * row_bytes_out);
      }
    });
  }

  std::optional<ConvertedLayer> Layer() const override { return layer_; }

 private:
  void Store(const std::vector<float>& row, std::byte* out) const {
    if (to_ == DType::kF32) {
      std::memcpy(out, row.data(), row.size() * sizeof(float));
      return;
    }
    for (size_t i = 0; i < row.size(); ++i) {
      const auto at = static_cast<int64_t>(i);
      StoreFloat(out, to_, at, row[i]);
      if (!std::isfinite(LoadFloat(out, to_, at)) && std::isfinite(row[i])) FailTooLarge(where_, to_);
    }
  }

  std::string where_;
  Int8Encoding encoding_;
  bool transposed_;
  int64_t out_features_;
  int64_t row_elements_;
  int64_t row_bytes_;
  DType to_;
  std::shared_ptr<const void> owner_;  // of the weights: those of some formats are made in memory
  std::vector<float> scales_;
  ConvertedLayer layer_;
};

// One element a row: copied and cast tensors may have any shape.
SourceRows Elements(const Checkpoint& checkpoint, const TensorInfo& tensor) {
  const TensorView view = checkpoint.Get(tensor.name);
  const auto element = static_cast<int64_t>(DTypeSize(tensor.dtype));
  return {tensor.name, view.data, view.Elements(), 1, element, element, false};
}

}  // namespace

StepWork PrepareStep(const Checkpoint& checkpoint, const ConvertStep& step) {
  const TensorInfo& source = step.source;
  const auto element = static_cast<int64_t>(DTypeSize(source.dtype));
  StepWork work;
  switch (step.kind) {
    case StepKind::kDrop:
      break;
    case StepKind::kCopy:
      work.rows = Elements(checkpoint, source);
      work.row_bytes_out = element;
      work.transform = std::make_unique<CopyTransform>(element);
      break;
    case StepKind::kCast:
      work.rows = Elements(checkpoint, source);
      work.row_bytes_out = static_cast<int64_t>(DTypeSize(step.made[0].dtype));
      work.transform = std::make_unique<CastTransform>(Where(checkpoint, source), source.dtype, step.made[0].dtype);
      break;
    case StepKind::kQuantize: {
      const int64_t columns = source.shape[1];
      work.rows = {
          source.name,    checkpoint.Get(source.name).data, source.shape[0], columns, element, columns * element,
          step.transposed};
      auto transform = std::make_unique<QuantizeTransform>(checkpoint, step);
      work.row_bytes_out = transform->row_stride();
      work.transform = std::move(transform);
      break;
    }
    case StepKind::kDequantize: {
      const QuantizedTensors layer = *checkpoint.FindQuantized(step.module);
      work.rows = {source.name, layer.weights.data, layer.out_features, layer.in_features,
                   1,           layer.row_stride,   step.transposed};
      work.row_bytes_out = step.made[0].shape[1] * static_cast<int64_t>(DTypeSize(step.made[0].dtype));
      work.transform = std::make_unique<DequantizeTransform>(checkpoint, step, layer);
      break;
    }
  }
  return work;
}

}  // namespace w8a16
