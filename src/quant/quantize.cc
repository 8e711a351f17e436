#include "w8a16/quantize.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/float_env.h"
#include "base/parallel.h"
#include "base/strings.h"
#include "quant/row_kernels.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

struct FloatLayout {
  uint32_t infinity;         // bits
  uint32_t smallest_normal;  // bits
};

FloatLayout LayoutOf(DType dtype) {
  if (dtype == DType::kF16) return {0x7C00, 0x0400};
  if (dtype == DType::kBF16) return {0x7F80, 0x0080};
  return {0x7F800000, 0x00800000};
}

float FromBits(uint32_t bits, DType dtype) {
  if (dtype == DType::kF16) return F16ToFloat(static_cast<uint16_t>(bits));
  if (dtype == DType::kBF16) return BF16ToFloat(static_cast<uint16_t>(bits));
  return std::bit_cast<float>(bits);
}

uint32_t ToBits(float value, DType dtype) {
  if (dtype == DType::kF16) return FloatToF16(value);
  if (dtype == DType::kBF16) return FloatToBF16(value);
  return std::bit_cast<uint32_t>(value);
}

// max / 127 as scale_dtype can hold it. Normal numbers are so close that q = 127 stays the right rounding of max /
// scale even where the scale was rounded down. Subnormal ones are not: there the scale is the smallest one with 127
// scale >= max.
float StoredScale(float max, DType scale_dtype) {
  if (max == 0.0F) return 1.0F;
  uint32_t bits = ToBits(max / 127.0F, scale_dtype);
  if (bits < LayoutOf(scale_dtype).smallest_normal &&
      127.0 * static_cast<double>(FromBits(bits, scale_dtype)) < static_cast<double>(max)) {
    ++bits;  // the next larger number of the same sign
  }
  return FromBits(bits, scale_dtype);
}

[[noreturn]] void ThrowNotFinite(ConstMatrix w, int64_t row, std::string_view name, int64_t first_row) {
  for (int64_t c = 0; c < w.cols; ++c) {
    const float value = LoadFloat(w.Row(row), w.dtype, c);
    if (std::isfinite(value)) continue;
    throw Error(StrCat(name, ": the weight in row ", first_row + row, ", column ", c, " is ",
                       std::isnan(value) ? "NaN" : "infinite",
                       "; only finite weights can be quantized: repair the checkpoint or leave this layer out"));
  }
  throw Error(StrCat(name, ": row ", first_row + row, " changed while it was quantized"));
}

void CheckArguments(ConstMatrix w, const QuantizedRowsOut& out, std::string_view name) {
  const auto check_dtype = [&](DType dtype, const char* what) {
    if (IsComputeFloat(dtype)) return;
    throw Error(StrCat(name, ": ", what, " of dtype ", DTypeName(dtype), " cannot be quantized; use F32, F16 or BF16"));
  };
  check_dtype(w.dtype, "weights");
  check_dtype(out.scale_dtype, "scales");
  if (w.rows < 0 || w.cols < 0) throw Error(StrCat(name, ": shape ", ShapeString({w.rows, w.cols}), " is negative"));
  if (w.rows > 1 && (w.stride < w.cols || out.row_stride < w.cols)) {
    throw Error(StrCat(name, ": rows of ", w.cols, " weights overlap with a stride of ", w.stride, " elements, ",
                       out.row_stride, " bytes in the output; strides must be at least the row's length"));
  }
}

}  // namespace

void QuantizeRows(ConstMatrix w, QuantizedRowsOut out, std::string_view name, int64_t first_row) {
  CheckArguments(w, out, name);
  const DefaultFloatEnv env;
  const RowKernels& kernels = RowKernelsFor(ActiveIsa());
  const uint8_t flip = out.encoding == Int8Encoding::kFlipped ? 0x80 : 0;
  for (int64_t r = 0; r < w.rows; ++r) {
    const auto cols = static_cast<size_t>(w.cols);
    const uint32_t max_bits = kernels.max_magnitude(w.Row(r), w.dtype, cols);
    if (max_bits >= LayoutOf(w.dtype).infinity) ThrowNotFinite(w, r, name, first_row);
    const float max = FromBits(max_bits, w.dtype);
    const float scale = StoredScale(max, out.scale_dtype);
    if (!std::isfinite(scale)) {
      throw Error(StrCat(name, ": the scale of row ", first_row + r, ", ", max, " / 127, is too large for ",
                         DTypeName(out.scale_dtype), "; store the scales as F32 or BF16, or leave this layer out"));
    }
    StoreFloat(out.scales, out.scale_dtype, r, scale);
    kernels.quantize(w.Row(r), w.dtype, cols, scale, flip, static_cast<uint8_t*>(out.weights) + r * out.row_stride);
  }
}

QuantizedMatrix Quantize(ConstMatrix w, DType scale_dtype, std::string_view name) {
  QuantizedMatrix result{.rows = w.rows, .cols = w.cols, .weights = {}, .scales = {}};
  CheckArguments(w, {.row_stride = w.cols, .scale_dtype = scale_dtype}, name);
  result.weights.resize(static_cast<size_t>(w.rows * w.cols));
  result.scales.resize(static_cast<size_t>(w.rows));
  std::vector<std::byte> stored(static_cast<size_t>(w.rows) * DTypeSize(scale_dtype));
  constexpr int64_t kWeightsPerTask = int64_t{1} << 18;
  ParallelFor(w.rows, kWeightsPerTask / std::max<int64_t>(1, w.cols), 1, [&](int64_t begin, int64_t end) {
    ConstMatrix part = w;
    part.data = w.Row(begin);
    part.rows = end - begin;
    QuantizeRows(part,
                 {.weights = result.weights.data() + begin * w.cols,
                  .row_stride = w.cols,
                  .scales = stored.data() + static_cast<size_t>(begin) * DTypeSize(scale_dtype),
                  .scale_dtype = scale_dtype},
                 name, begin);
  });
  for (int64_t r = 0; r < w.rows; ++r) {
    result.scales[static_cast<size_t>(r)] = LoadFloat(stored.data(), scale_dtype, r);
  }
  return result;
}

}  // namespace w8a16
