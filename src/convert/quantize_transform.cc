#include "convert/quantize_transform.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>
#include <mutex>

#include "base/parallel.h"
#include "base/strings.h"

namespace w8a16 {
namespace {

// A row at a time is what stays in cache between quantizing and measuring; less than this is not worth a thread.
constexpr int64_t kGrainBytes = int64_t{128} << 10;

}  // namespace

std::vector<SafetensorsWriter::Declaration> QuantizedDeclarations(const std::string& module, int64_t out, int64_t in,
                                                                  DType dtype, QuantizedFormat format) {
  const SafetensorsWriter::Declaration scales = {module + ".weight_scale", dtype, {out, 1}};
  if (format == QuantizedFormat::kIntQuantized) return {{module + ".weight", DType::kI8, {out, in}}, scales};
  return {{module + ".weight_packed", DType::kI32, {out, (in + 3) / 4}},
          scales,
          {module + ".weight_shape", DType::kI64, {2}}};
}

QuantizeTransform::QuantizeTransform(const Checkpoint& checkpoint, const ConvertStep& step)
    : file_((checkpoint.directory() / step.source.file).string()),
      name_(step.source.name),
      transposed_(step.transposed),
      packed_(step.made[0].dtype == DType::kI32),
      dtype_(step.source.dtype),
      shape_{step.source.shape[transposed_ ? 1 : 0], step.source.shape[transposed_ ? 0 : 1]},
      row_stride_(packed_ ? (shape_[1] + 3) / 4 * 4 : shape_[1]),
      scales_(static_cast<size_t>(shape_[0]) * DTypeSize(dtype_)),
      errors_(static_cast<size_t>(shape_[0])) {
  layer_.name = step.module;
  layer_.out_features = shape_[0];
  layer_.in_features = shape_[1];
  layer_.bytes_before = step.bytes_before;
  layer_.bytes_after = step.BytesAfter();
}

void QuantizeTransform::QuantizeRow(const std::byte* in, int64_t row, std::byte* out) {
  const auto element = static_cast<int64_t>(DTypeSize(dtype_));
  const ConstMatrix w = {in, dtype_, 1, shape_[1], shape_[1]};
  const QuantizedRowsOut made = {.weights = out,
                                 .row_stride = row_stride_,
                                 .encoding = packed_ ? Int8Encoding::kFlipped : Int8Encoding::kSigned,
                                 .scales = scales_.data() + row * element,
                                 .scale_dtype = dtype_};
  QuantizeRows(w, made, name_, row);
  std::memset(out + shape_[1], 0, static_cast<size_t>(row_stride_ - shape_[1]));
  errors_[static_cast<size_t>(row)] = MeasureQuantization(w, made);
}

void QuantizeTransform::Rows(const std::byte* in, int64_t first, int64_t count, std::byte* out) {
  const int64_t row_bytes = shape_[1] * static_cast<int64_t>(DTypeSize(dtype_));
  // Of several rows that fail the first one is named, however many threads there are.
  std::mutex mutex;
  int64_t failed_row = count;
  std::string failure;
  ParallelFor(count, std::max<int64_t>(1, kGrainBytes / std::max<int64_t>(1, row_bytes)), 1,
              [&](int64_t begin, int64_t end) {
                for (int64_t r = begin; r < end; ++r) {
                  try {
                    QuantizeRow(in + r * row_bytes, first + r, out + r * row_stride_);
                  } catch (const Error& error) {
                    const std::lock_guard lock(mutex);
                    if (r < failed_row) failure = error.what();
                    failed_row = std::min(failed_row, r);
                    return;
                  }
                }
              });
  if (failed_row == count) return;
  throw UnusableSource(StrCat(file_, ": ", failure,
                              transposed_ ? " (rows of the transposed weight: columns as it lies in the file)" : ""));
}

std::vector<std::vector<std::byte>> QuantizeTransform::Rest() {
  std::vector<std::vector<std::byte>> rest = {scales_};
  if (packed_) {
    const auto* shape = reinterpret_cast<const std::byte*>(shape_.data());
    rest.emplace_back(shape, shape + sizeof(shape_));
  }
  return rest;
}

std::optional<ConvertedLayer> QuantizeTransform::Layer() const {
  ConvertedLayer layer = layer_;
  QuantizationError total;
  for (size_t row = 0; row < errors_.size(); ++row) {
    const QuantizationError& error = errors_[row];
    total.Merge(error);
    if (error.sum_weights2 == 0) {
      ++layer.zero_rows;
      continue;
    }
    const double largest = 127.0 * static_cast<double>(LoadFloat(scales_.data(), dtype_, static_cast<int64_t>(row)));
    const double ratio = largest / std::sqrt(error.sum_weights2 / static_cast<double>(shape_[1]));
    if (ratio <= layer.outlier_ratio) continue;
    layer.outlier_ratio = ratio;
    layer.outlier_row = static_cast<int64_t>(row);
  }
  layer.sqnr_db = total.SqnrDb();
  layer.max_error = total.max_abs;
  layer.scales = SummarizeScales();
  return layer;
}

ScaleSummary QuantizeTransform::SummarizeScales() const {
  std::vector<float> scales;
  for (size_t row = 0; row < errors_.size(); ++row) {
    if (errors_[row].sum_weights2 == 0) continue;
    scales.push_back(LoadFloat(scales_.data(), dtype_, static_cast<int64_t>(row)));
  }
  ScaleSummary summary;
  if (scales.empty()) return summary;
  std::sort(scales.begin(), scales.end());
  summary.min = scales.front();
  summary.median = scales[scales.size() / 2];
  summary.max = scales.back();
  const auto bin = [](float scale) {
    return static_cast<int32_t>(std::floor(ScaleSummary::kBinsPerOctave * std::log2(static_cast<double>(scale))));
  };
  summary.first_bin = bin(summary.min);
  summary.counts.resize(static_cast<size_t>(bin(summary.max) - summary.first_bin) + 1);
  for (const float scale : scales) ++summary.counts[static_cast<size_t>(bin(scale) - summary.first_bin)];
  return summary;
}

}  // namespace w8a16
