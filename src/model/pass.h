#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "arch/architecture.h"
#include "base/aligned_buffer.h"
#include "base/parallel.h"
#include "kernels/block_attention.h"
#include "kernels/float_kernels.h"
#include "model/kv_cache.h"
#include "model/weights.h"
#include "w8a16/linear.h"

namespace w8a16 {

/// New tokens of one sequence.
struct Sequence {
  KvCache::Impl* cache;  ///< of length `first`
  std::span<const int32_t> ids;
  int64_t first;      ///< position of the first new token
  int64_t positions;  ///< of the whole text, for rotary embeddings that follow its length
};

/// A row of activations: a new token.
struct Token {
  size_t sequence;
  int64_t position;
};

/// What the parts of one forward pass share.
struct Pass {
  const Architecture& architecture;
  const FloatKernels& kernels;
  const BlockAttention* block_attention;  ///< for queries of kBF16; may be null
  DType dtype;                            ///< of linear layers' inputs and outputs
  Workspace& workspace;
  std::span<const Sequence> sequences;
  std::span<const Token> tokens;

  int64_t rows() const { return static_cast<int64_t>(tokens.size()); }
};

/// [rows, cols] in `buffer`, which grows as needed.
Matrix MatrixIn(AlignedBuffer& buffer, DType dtype, int64_t rows, int64_t cols);
/// The same of float32.
float* FloatsIn(AlignedBuffer& buffer, int64_t rows, int64_t cols);

/// Runs fn(row) for rows [0, rows), each `elements` of elementwise work, side by side where that pays.
void ForRows(int64_t rows, int64_t elements, FunctionRef<void(int64_t row)> fn);

/// Applies layers that read the same x; their results stand side by side in the rows of y.
void Project(std::span<const Linear> layers, ConstMatrix x, const Matrix& y, Workspace& workspace);

/// Norm of one row x [n] to y of `dtype`, which may be x.
void NormRow(const FloatKernels& kernels, const NormSpec& spec, const float* weight, const float* bias, const float* x,
             int64_t n, void* y, DType dtype);

}  // namespace w8a16
