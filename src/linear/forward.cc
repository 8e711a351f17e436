#include <algorithm>

#include "base/parallel.h"
#include "base/strings.h"
#include "linear/linear_impl.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

// Packed x of one pass: large enough that weights are seldom read twice, small beside a model.
constexpr int64_t kMaxPackedBytes = int64_t{64} << 20;
// Multiply-adds (and elements of x) below which waking other threads costs more than they save.
constexpr int64_t kMinWorkPerThread = int64_t{1} << 18;
constexpr int64_t kMinPackPerThread = int64_t{1} << 15;
// Outputs that float kernels are given together.
constexpr int64_t kFloatAlign = 16;

int Workers(int64_t work, int64_t least) {
  return static_cast<int>(std::clamp<int64_t>(work / least, 1, MaxThreads()));
}

ConstMatrix RowsOf(ConstMatrix x, Range rows) {
  return {x.Row(rows.begin), x.dtype, rows.end - rows.begin, x.cols, x.stride};
}
Matrix RowsOf(const Matrix& y, Range rows) {
  return {y.Row(rows.begin), y.dtype, rows.end - rows.begin, y.cols, y.stride};
}

// A worker's rectangle of the result: a share of the outputs or, where there are fewer of these than workers, of the
// rows.
struct Tile {
  Range rows;
  Range units;
};
Tile TileOf(int64_t m, int64_t row_align, int64_t units, int worker, int workers) {
  if (units < workers && m > units * row_align) return {Share(m, row_align, worker, workers), {0, units}};
  return {{0, m}, Share(units, 1, worker, workers)};
}

void Meet(int workers) {
  // Alone, there may be a parallel region of the caller's around us, which a barrier would wait for.
  if (workers > 1) Barrier();
}

}  // namespace

/// One call of Forward or ForwardTogether.
class ForwardPass {
 public:
  ForwardPass(std::span<const Linear* const> layers, ConstMatrix x, std::span<const Matrix> y, Workspace& workspace,
              ActivationBits bits)
      : layers_(layers),
        x_(x),
        y_(y),
        workspace_(workspace),
        bits_(bits),
        digits_(x.dtype == DType::kF32 && bits == ActivationBits::k24 ? 3 : 2) {}

  void Run() {
    Check();
    if (x_.rows == 0) return;
    for (const Linear* layer : layers_) {
      // SelectIsa came between them: they want x in different forms.
      if (layer->impl_->kernels != layers_[0]->impl_->kernels) return RunOneByOne();
    }
    kernels_ = layers_[0]->impl_->kernels;
    for (const Linear* layer : layers_) work_ += layer->out_features() * x_.cols;
    layers_[0]->quantized() ? RunInt8() : RunFloat();
  }

 private:
  void Check() const {
    if (layers_.empty() || layers_.size() != y_.size()) {
      throw Error(
          StrCat("ForwardTogether: ", layers_.size(), " layers and ", y_.size(), " results; pass one for each"));
    }
    for (size_t i = 0; i < layers_.size(); ++i) CheckLayer(*layers_[i], y_[i]);
  }

  void CheckLayer(const Linear& layer, const Matrix& y) const {
    if (layer.quantized() != layers_[0]->quantized()) {
      throw Error(StrCat(layer.name(), " and ", layers_[0]->name(),
                         ": quantized and float layers cannot run together; call Forward for each"));
    }
    CheckMatrix(layer, "x", x_, layer.in_features());
    CheckMatrix(layer, "y", y, layer.out_features());
    if (y.rows != x_.rows) {
      throw Error(StrCat(layer.name(), ": x has ", x_.rows, " rows and y has ", y.rows, "; they must be equal"));
    }
    if (y.dtype != x_.dtype && y.dtype != DType::kF32) {
      throw Error(StrCat(layer.name(), ": y is ", DTypeName(y.dtype), " and x is ", DTypeName(x_.dtype),
                         "; y must have the dtype of x or be F32"));
    }
  }

  static void CheckMatrix(const Linear& layer, const char* what, const ConstMatrix& matrix, int64_t cols) {
    if (matrix.cols != cols || matrix.rows < 0) {
      throw Error(StrCat(layer.name(), ": ", what, " is [", matrix.rows, ", ", matrix.cols, "], but must be [rows, ",
                         cols, "]"));
    }
    if (!IsComputeFloat(matrix.dtype)) {
      throw Error(StrCat(layer.name(), ": ", what, " is ", DTypeName(matrix.dtype), "; use F32, F16 or BF16"));
    }
    if (matrix.rows > 1 && matrix.stride < cols) {
      throw Error(StrCat(layer.name(), ": the rows of ", what, " lie ", matrix.stride, " elements apart and overlap; ",
                         "the stride must be at least ", cols));
    }
    if (matrix.rows > 0 && matrix.data == nullptr) throw Error(StrCat(layer.name(), ": ", what, " is a null pointer"));
  }

  void RunOneByOne() {
    for (size_t i = 0; i < layers_.size(); ++i) layers_[i]->Forward(x_, y_[i], workspace_, bits_);
  }

  // Outputs of all layers in one row of units of `align` outputs, so that threads share them evenly.
  int64_t Units(size_t i, int64_t align) const { return (layers_[i]->out_features() + align - 1) / align; }
  int64_t AllUnits(int64_t align) const {
    int64_t units = 0;
    for (size_t i = 0; i < layers_.size(); ++i) units += Units(i, align);
    return units;
  }
  // fn(index of layer, n_begin, n_end) for the part of each layer that lies in `units`.
  template <class Fn>
  void ForEachLayer(Range units, int64_t align, Fn fn) const {
    int64_t first = 0;
    for (size_t i = 0; i < layers_.size(); ++i) {
      const int64_t count = Units(i, align);
      const int64_t begin = std::clamp<int64_t>(units.begin - first, 0, count);
      const int64_t end = std::clamp<int64_t>(units.end - first, 0, count);
      if (begin < end) fn(i, begin * align, std::min(end * align, layers_[i]->out_features()));
      first += count;
    }
  }

  void RunInt8() {
    const LinearKernel& linear = kernels_->LinearFor(x_.rows, digits_);
    const auto unit_bytes = static_cast<int64_t>(linear.packed_bytes(linear.row_align, x_.cols));
    const int64_t block = std::max<int64_t>(1, kMaxPackedBytes / unit_bytes) * linear.row_align;
    for (int64_t m = 0; m < x_.rows; m += block) RunInt8Rows(linear, {m, std::min(m + block, x_.rows)});
  }

  void RunInt8Rows(const LinearKernel& linear, Range rows) {
    const ConstMatrix x = RowsOf(x_, rows);
    auto* scales =
        reinterpret_cast<RowScale*>(workspace_.impl().rows.Reserve(static_cast<size_t>(x.rows) * sizeof(RowScale)));
    std::byte* packed = workspace_.impl().packed.Reserve(linear.packed_bytes(x.rows, x.cols));
    const auto prepare = [&](int worker, int workers) {
      const Range share = Share(x.rows, linear.row_align, worker, workers);
      kernels_->measure_rows(x, digits_, share.begin, share.end, scales);
      Meet(workers);
      if (worker == 0) NumberParts(linear, scales, x.rows);
      Meet(workers);
      linear.pack(x, scales, share.begin, share.end, packed);
      Meet(workers);
    };
    // For a few rows waking threads twice costs more than they save.
    const bool prepare_alone = Workers(x.rows * x.cols, kMinPackPerThread) == 1;
    if (prepare_alone) Parallel(1, prepare);
    const int64_t units = AllUnits(linear.n_align);
    Parallel(Workers(x.rows * work_, kMinWorkPerThread), [&](int worker, int workers) {
      if (!prepare_alone) prepare(worker, workers);
      const Tile tile = TileOf(x.rows, linear.row_align, units, worker, workers);
      ForEachLayer(tile.units, linear.n_align, [&](size_t i, int64_t n_begin, int64_t n_end) {
        const Linear::Impl& layer = *layers_[i]->impl_;
        const MultiplyArgs args = {packed,
                                   scales + tile.rows.begin,
                                   tile.rows.begin,
                                   tile.rows.end - tile.rows.begin,
                                   x.cols,
                                   layer.int8,
                                   layer.int8_stride,
                                   layer.encoding,
                                   layer.scales.data(),
                                   layer.Bias(),
                                   n_begin,
                                   n_end,
                                   RowsOf(RowsOf(y_[i], rows), tile.rows)};
        linear.multiply(args);
        for (int64_t m = 0; m < args.m; ++m) {
          if (args.rows[m].digits == 0) NonFiniteRow(x.Row(tile.rows.begin + m), x.dtype, args, m);
        }
      });
    });
  }

  static void NumberParts(const LinearKernel& linear, RowScale* rows, int64_t m) {
    int32_t parts = 0;
    for (int64_t i = 0; i < m; ++i) {
      rows[i].first_part = parts;
      parts += linear.parts[rows[i].digits];
    }
  }

  void RunFloat() {
    const FloatKernels& floats = *kernels_->floats;
    const auto row_bytes = x_.cols * static_cast<int64_t>(sizeof(float));
    const int64_t block = x_.dtype == DType::kF32 ? x_.rows : std::max<int64_t>(1, kMaxPackedBytes / row_bytes);
    for (int64_t m = 0; m < x_.rows; m += block) RunFloatRows(floats, {m, std::min(m + block, x_.rows)});
  }

  void RunFloatRows(const FloatKernels& floats, Range rows) {
    const ConstMatrix x = RowsOf(x_, rows);
    const auto* x_floats = static_cast<const float*>(x.data);
    int64_t x_stride = x.stride;
    if (x.dtype != DType::kF32) {
      x_stride = x.cols;
      auto* converted = reinterpret_cast<float*>(
          workspace_.impl().packed.Reserve(static_cast<size_t>(x.rows * x.cols) * sizeof(float)));
      Parallel(Workers(x.rows * x.cols, kMinPackPerThread), [&](int worker, int workers) {
        const Range share = Share(x.rows, 1, worker, workers);
        for (int64_t m = share.begin; m < share.end; ++m) {
          floats.to_float(x.Row(m), x.dtype, x.cols, converted + m * x_stride);
        }
      });
      x_floats = converted;
    }
    const int64_t units = AllUnits(kFloatAlign);
    Parallel(Workers(x.rows * work_, kMinWorkPerThread), [&](int worker, int workers) {
      const Tile tile = TileOf(x.rows, 1, units, worker, workers);
      ForEachLayer(tile.units, kFloatAlign, [&](size_t i, int64_t n_begin, int64_t n_end) {
        const Linear::Impl& layer = *layers_[i]->impl_;
        floats.linear({x_floats + tile.rows.begin * x_stride, x_stride, tile.rows.end - tile.rows.begin, x.cols,
                       layer.floats, layer.Bias(), n_begin, n_end, RowsOf(RowsOf(y_[i], rows), tile.rows)});
      });
    });
  }

  std::span<const Linear* const> layers_;
  ConstMatrix x_;
  std::span<const Matrix> y_;
  Workspace& workspace_;
  ActivationBits bits_;
  int32_t digits_;  // of rows of x without outliers
  const KernelTable* kernels_ = nullptr;
  int64_t work_ = 0;  // multiply-adds of one row of x
};

ActivationBits ActivationBitsOf(int64_t bits) {
  if (bits == 16) return ActivationBits::k16;
  if (bits == 24) return ActivationBits::k24;
  throw Error(StrCat("activation_bits is ", bits, "; it must be 24 (the accuracy of float32) or 16"));
}

void Linear::Forward(ConstMatrix x, Matrix y, Workspace& workspace, ActivationBits bits) const {
  const Linear* const layer = this;
  ForwardTogether({&layer, 1}, x, {&y, 1}, workspace, bits);
}

void Linear::ForwardTogether(std::span<const Linear* const> layers, ConstMatrix x, std::span<const Matrix> y,
                             Workspace& workspace, ActivationBits bits) {
  ForwardPass(layers, x, y, workspace, bits).Run();
}

}  // namespace w8a16
