#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/safetensors.h"
#include "convert/transform.h"
#include "w8a16/quantize.h"

namespace w8a16 {

/// The tensors that stand for the weight [out, in] of module `module` in a quantized checkpoint, weights first, then
/// scales in `dtype`.
std::vector<SafetensorsWriter::Declaration> QuantizedDeclarations(const std::string& module, int64_t out, int64_t in,
                                                                  DType dtype, QuantizedFormat format);

/// Quantizes the weight of a layer, and measures what it lost.
class QuantizeTransform : public BlockTransform {
 public:
  QuantizeTransform(const Checkpoint& checkpoint, const ConvertStep& step);

  /// Bytes of a row of quantized weights.
  int64_t row_stride() const { return row_stride_; }
  void Rows(const std::byte* in, int64_t first, int64_t count, std::byte* out) override;
  std::vector<std::vector<std::byte>> Rest() override;
  std::optional<ConvertedLayer> Layer() const override;

 private:
  void QuantizeRow(const std::byte* in, int64_t row, std::byte* out);
  ScaleSummary SummarizeScales() const;

  std::string file_;  // for messages
  std::string name_;
  bool transposed_;
  bool packed_;
  DType dtype_;
  std::array<int64_t, 2> shape_;  // out, in
  int64_t row_stride_;
  std::vector<std::byte> scales_;
  std::vector<QuantizationError> errors_;  // of each row
  ConvertedLayer layer_;
};

}  // namespace w8a16
