#include "kernels/dot_kernel.h"

#include <algorithm>
#include <cstring>

namespace w8a16 {
namespace {

// Rows of x of one block: its sums (48 KB) and its part of packed x stay in the second-level cache.
constexpr int64_t kBlockRows = 128;
constexpr int64_t kMaxBlockParts = 3 * kBlockRows;
constexpr int64_t kMaxPanelBytes = 32 * 1024;
constexpr int64_t kResidentPartBytes = 32 * 1024;

// The parts of a block of rows, cut into groups of nearly equal size.
struct Parts {
  const std::byte* first;  // header of the first part
  int64_t stride;
  int count = 0;
  int groups = 0;
  uint8_t row[kMaxBlockParts];
  uint8_t shift[kMaxBlockParts];

  int GroupBegin(int group) const { return count * group / groups; }
};

class Block {
 public:
  Block(const DotKernel& kernel, const PackKernels& pack_kernels, const MultiplyArgs& args, int64_t m_begin)
      : kernel_(kernel),
        pack_kernels_(pack_kernels),
        args_(args),
        rows_(args.rows + m_begin),
        m_(std::min(kBlockRows, args.m - m_begin)),
        y_{args.y.Row(m_begin), args.y.dtype, m_, args.y.cols, args.y.stride} {
    parts_.stride = PartStride(args.k, kernel.element_bytes);
    parts_.first = args.packed + rows_[0].first_part * parts_.stride;
    for (int64_t i = 0; i < m_; ++i) {
      for (int bits = 0; bits < 8 * rows_[i].digits; bits += kernel.part_bits) {
        parts_.row[parts_.count] = static_cast<uint8_t>(i);
        parts_.shift[parts_.count++] = static_cast<uint8_t>(bits);
      }
    }
    parts_.groups = parts_.count <= kernel.stream_parts ? std::min(parts_.count, 1)
                                                        : (parts_.count + kernel.parts - 1) / kernel.parts;
  }

  void Run() {
    const auto encoding = static_cast<size_t>(args_.encoding);
    for (int64_t n = args_.n_begin; n < args_.n_end; n += kBlockOutputs) {
      n_begin_ = n;
      n_end_ = std::min(n + kBlockOutputs, args_.n_end);
      StartSums();
      if (parts_.groups > kRowGroups) {
        ByPanels();
      } else if (parts_.groups > 1) {
        ByRows(kernel_.rows[encoding][static_cast<size_t>(parts_.groups - 2)], kernel_.outputs);
      } else if (parts_.groups == 1) {  // none where no row is finite
        ByRows(kernel_.stream[encoding], kernel_.stream_outputs[static_cast<size_t>(parts_.count - 1)]);
      }
      FinishSums();
    }
  }

 private:
  // Unsigned weights are 128 too large: sum((q + 128) xi) - 128 sum(xi).
  void StartSums() {
    const bool corrected = kernel_.unsigned_weights[static_cast<int>(args_.encoding)];
    for (int64_t i = 0; i < m_; ++i) {
      int64_t sum = 0;
      if (corrected && rows_[i].digits != 0) {
        std::memcpy(&sum, args_.packed + rows_[i].first_part * parts_.stride, sizeof(sum));
      }
      std::fill_n(sums_ + i * kBlockOutputs, kBlockOutputs, -128 * sum);
    }
  }

  // As many columns of x, of all its parts, as stay in the first-level cache beside two tiles of weights; the blocks
  // are of nearly equal size.
  int64_t ColumnBlock() const {
    const int64_t most = std::min(kernel_.max_sum_k, kResidentPartBytes / (parts_.count * kernel_.element_bytes));
    const int64_t blocks = (args_.k + most - 1) / most;
    return (args_.k + blocks * 64 - 1) / (blocks * 64) * 64;
  }

  const uint8_t* WhatFollows(int64_t n, int outputs, int64_t k, int64_t block) const {
    if (n + outputs < n_end_) return RowAt(n + outputs) + k;
    return k + block < args_.k ? RowAt(n_begin_) + k + block : RowAt(n_end_);
  }

  // Few parts: weights are read straight from their rows, `outputs` of them at a time. Each block of columns passes all
  // rows before the next one. The groups after the first read the weights from the cache.
  void ByRows(const std::array<DotFn, kMaxDotParts>& dot_by_parts, int outputs) {
    const int64_t block = ColumnBlock();
    const int ahead = AheadOf(outputs, parts_.groups);
    DotArgs dot;
    for (int64_t k = 0; k < args_.k; k += block) {
      for (int64_t n = n_begin_; n < n_end_; n += outputs) {
        PointAtWeights(n, outputs, k, dot);
        dot.k = std::min(block, args_.k - k);
        dot.ahead = WhatFollows(n, outputs, k, block);
        for (int group = 0; group < parts_.groups; ++group) {
          DotGroup(dot_by_parts, group, n, k, dot);
          dot.ahead += ahead * args_.weight_stride;
        }
      }
    }
  }

  // Many parts: arithmetic takes the time, so all parts are used on a panel in the first-level cache, and the same
  // columns of x, in the second, for all panels of the block. The groups fetch the next panel's rows.
  void ByPanels() {
    const int ahead = std::min(kMaxPanelAhead, AheadOf(kernel_.outputs, parts_.groups));
    DotArgs dot;
    for (int64_t k = 0; k < args_.k; k += kernel_.max_k) {
      const int64_t length = std::min(kernel_.max_k, args_.k - k);
      const int64_t stride = PartStride(length, kernel_.panel_element_bytes);
      for (int64_t n = n_begin_; n < n_end_; n += kernel_.outputs) {
        PointAtWeights(n, kernel_.outputs, k, dot);
        dot.k = length;
        dot.ahead = RowAt(n + kernel_.outputs) + k;
        kernel_.make_panel[static_cast<int>(args_.encoding)](dot.weights, length, panel_, stride);
        for (int o = 0; o < kernel_.outputs; ++o) dot.weights[o] = reinterpret_cast<uint8_t*>(panel_) + o * stride;
        for (int group = 0; group < parts_.groups; ++group) {
          const bool more = group * ahead < kernel_.outputs;
          DotGroup(kernel_.panel[more ? static_cast<size_t>(ahead) : 0], group, n, k, dot);
          dot.ahead += ahead * args_.weight_stride;
        }
      }
    }
  }

  const uint8_t* RowAt(int64_t n) const { return args_.weights + n * args_.weight_stride; }

  // A range's last tile repeats its last row; the results are dropped.
  void PointAtWeights(int64_t n, int outputs, int64_t k, DotArgs& dot) const {
    for (int o = 0; o < outputs; ++o) {
      dot.weights[o] = RowAt(std::min(n + o, n_end_ - 1)) + k;
    }
    dot.ahead_stride = args_.weight_stride;
  }

  void DotGroup(const std::array<DotFn, kMaxDotParts>& dot_by_parts, int group, int64_t n, int64_t k, DotArgs& dot) {
    const int begin = parts_.GroupBegin(group);
    const int end = parts_.GroupBegin(group + 1);
    dot.parts = parts_.first + begin * parts_.stride + kPartHeader + k * kernel_.element_bytes;
    dot.part_stride = parts_.stride;
    for (int p = begin; p < end; ++p) {
      dot.sums[p - begin] = sums_ + parts_.row[p] * kBlockOutputs + (n - n_begin_);
      dot.shifts[p - begin] = parts_.shift[p];
    }
    dot_by_parts[static_cast<size_t>(end - begin - 1)](dot);
  }

  void FinishSums() {
    const float* bias = args_.bias == nullptr ? nullptr : args_.bias + n_begin_;
    pack_kernels_.finish(
        {sums_, kBlockOutputs, rows_, m_, args_.scales + n_begin_, bias, n_begin_, n_end_ - n_begin_, y_});
  }

  const DotKernel& kernel_;
  const PackKernels& pack_kernels_;
  const MultiplyArgs& args_;
  const RowScale* rows_;
  int64_t m_;
  Matrix y_;
  int64_t n_begin_ = 0;
  int64_t n_end_ = 0;
  Parts parts_;
  alignas(64) int64_t sums_[kBlockRows * kBlockOutputs];
  alignas(64) std::byte panel_[kMaxPanelBytes];
};

}  // namespace

void DotMultiply(const DotKernel& kernel, const PackKernels& rows, const MultiplyArgs& args) {
  for (int64_t m = 0; m < args.m; m += kBlockRows) Block(kernel, rows, args, m).Run();
}

}  // namespace w8a16
