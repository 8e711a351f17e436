#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "arch/architecture.h"
#include "base/aligned_buffer.h"
#include "kernels/float_kernels.h"
#include "model/kv_cache.h"
#include "model/rotary.h"
#include "model/weights.h"
#include "w8a16/model.h"

namespace w8a16 {

/// Scratch memory of one forward pass; each part keeps its size between passes.
struct DecoderBuffers {
  AlignedBuffer residual;              // f32 [rows, hidden]
  AlignedBuffer normed;                // dtype [rows, hidden]
  AlignedBuffer q, k, v;               // dtype [rows, heads * head_dim], [rows, kv_heads * head_dim]
  AlignedBuffer rotated;               // f32 [rows, heads * head_dim]
  AlignedBuffer attended;              // dtype [rows, heads * head_dim]
  AlignedBuffer projected;             // dtype [rows, hidden]
  AlignedBuffer gate, up;              // dtype [rows, intermediate]
  AlignedBuffer last;                  // dtype [sequences, hidden]
  AlignedBuffer logits;                // f32 [rows or sequences, vocab]
  std::vector<AlignedBuffer> scratch;  // one for each worker
};

/// The forward pass of a decoder-only transformer.
class Decoder {
 public:
  Decoder(Architecture architecture, ModelWeights weights, DType dtype);

  const Architecture& architecture() const { return architecture_; }
  const ModelWeights& weights() const { return weights_; }

  /// As Model::Forward, for inputs that are known to be valid.
  std::span<const float> Forward(std::span<const SequenceInput> inputs, LogitsFor logits);

 private:
  void Embed(std::span<const SequenceInput> inputs);
  void Attention(int64_t layer, std::span<const SequenceInput> inputs);
  void StoreKeysAndRotateQueries(int64_t layer, std::span<const SequenceInput> inputs);
  void Attend(int64_t layer, std::span<const SequenceInput> inputs);
  void Mlp(int64_t layer);
  std::span<const float> Head(std::span<const SequenceInput> inputs, LogitsFor logits);

  /// Consecutive new tokens of one sequence that are attended from together.
  struct QueryBlock {
    size_t sequence;
    int64_t first;  // among the new tokens of the sequence
    int64_t row;    // among the tokens of the pass
    int64_t queries;
  };

  /// One row of `y` for each row of the residual stream.
  void Norm(const NormWeights& norm, const float* x, int64_t rows, std::byte* y);
  /// residual += y
  void AddToResidual(const AlignedBuffer& y);

  /// [rows_, cols] of the activation dtype (or of `dtype`) in `buffer`, which grows as needed.
  Matrix Activations(AlignedBuffer& buffer, int64_t cols);
  float* Floats(AlignedBuffer& buffer, int64_t rows, int64_t cols);

  Architecture architecture_;
  ModelWeights weights_;
  DType dtype_;
  const FloatKernels& kernels_;
  RotaryTable rotary_;
  Workspace workspace_;
  DecoderBuffers buffers_;
  std::vector<QueryBlock> query_blocks_;
  int64_t rows_ = 0;  // tokens of the current pass, all sequences together
};

struct Model::Impl {
  Decoder decoder;
  DType dtype;
  int64_t context;
  std::vector<int32_t> eos_ids;
};

}  // namespace w8a16
