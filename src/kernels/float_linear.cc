// y = x W^T + b in float32.

#include "base/highway_targets.h"

#define HWY_TARGET_INCLUDE "kernels/float_linear.cc"
#include "hwy/foreach_target.h"
#include "kernels/float_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace w8a16 {
namespace HWY_NAMESPACE {
namespace {

/// Rows of x that stay in the second-level cache while all weights pass by.
constexpr int64_t kPanelBytes = 256 * 1024;

template <class T>
HWY_INLINE void StoreFour(const float* sums, int64_t count, void* row, int64_t n) {
  const hn::CappedTag<float, 4> d;
  StoreUpTo(d, hn::LoadU(d, sums), static_cast<T*>(row) + n, count);
}

/// Outputs [n, n + count) of one row; sums has room for four.
HWY_INLINE void StoreOutputs(float* sums, const float* bias, const Matrix& y, int64_t m, int64_t n, int64_t count) {
  if (bias != nullptr) {
    for (int64_t c = 0; c < count; ++c) sums[c] += bias[n + c];
  }
  void* row = static_cast<std::byte*>(y.data) + m * y.stride * (y.dtype == DType::kF32 ? 4 : 2);
  if (y.dtype == DType::kF32) {
    StoreFour<float>(sums, count, row, n);
  } else if (y.dtype == DType::kF16) {
    StoreFour<F16>(sums, count, row, n);
  } else {
    StoreFour<BF16>(sums, count, row, n);
  }
}

template <class T>
void LinearOf(const FloatLinearArgs& args) {
  const T* weights = static_cast<const T*>(args.weights.data);
  const int64_t row_bytes = HWY_MAX(args.k, int64_t{1}) * static_cast<int64_t>(sizeof(float));
  const int64_t panel = HWY_MAX(kPanelBytes / row_bytes / kTileRows, int64_t{1}) * kTileRows;
  for (int64_t panel_begin = 0; panel_begin < args.m; panel_begin += panel) {
    const int64_t panel_end = HWY_MIN(panel_begin + panel, args.m);
    for (int64_t n = args.n_begin; n < args.n_end; n += kTileColumns) {
      const int64_t count = HWY_MIN(kTileColumns, args.n_end - n);
      // Columns past the end repeat the last one and are dropped.
      const T* b[kTileColumns];
      for (int64_t c = 0; c < kTileColumns; ++c) b[c] = weights + (n + HWY_MIN(c, count - 1)) * args.weights.stride;
      for (int64_t m = panel_begin; m < panel_end; m += kTileRows) {
        const int64_t rows = HWY_MIN(int64_t{kTileRows}, panel_end - m);
        float sums[kTileRows * kTileColumns];
        const int64_t ahead = m == panel_begin ? kTileColumns * args.weights.stride : 0;
        DotRows(rows, args.x + m * args.x_stride, args.x_stride, b, ahead, args.k, sums);
        for (int64_t r = 0; r < rows; ++r) StoreOutputs(sums + r * kTileColumns, args.bias, args.y, m + r, n, count);
      }
    }
  }
}

}  // namespace

void Linear(const FloatLinearArgs& args) noexcept { W8A16_FOR_DTYPE(args.weights.dtype, LinearOf, args); }

}  // namespace HWY_NAMESPACE
}  // namespace w8a16
HWY_AFTER_NAMESPACE();
