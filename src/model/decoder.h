#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "arch/architecture.h"
#include "base/aligned_buffer.h"
#include "kernels/block_attention.h"
#include "kernels/float_kernels.h"
#include "model/attention.h"
#include "model/experts.h"
#include "model/kv_cache.h"
#include "model/mlp.h"
#include "model/pass.h"
#include "model/weights.h"
#include "w8a16/model.h"

namespace w8a16 {

/// The forward pass of a decoder-only transformer, as its Architecture describes it.
class Decoder {
 public:
  Decoder(Architecture architecture, ModelWeights weights, DType dtype);

  const Architecture& architecture() const { return architecture_; }
  const ModelWeights& weights() const { return weights_; }

  /// As Model::Forward, for inputs that are known to be valid.
  std::span<const float> Forward(std::span<const SequenceInput> inputs, LogitsFor logits);

 private:
  /// Reads the text in `input.cache` again where its keys are wrong for the text that `input` makes of it.
  void RefreshCache(const SequenceInput& input);
  /// Takes all new tokens through all blocks, from ids to the residual stream; their keys and values are in the caches,
  /// but not counted yet.
  Pass RunBlocks(std::span<const Sequence> sequences);
  void Embed(const Pass& pass);
  void RunBlock(const Pass& pass, int64_t layer);
  std::span<const float> Head(const Pass& pass, LogitsFor logits);

  /// y = norm(x) for `rows` rows of the width of the model, or x where there is no norm. y may be x.
  void Norm(const std::optional<NormWeights>& norm, const float* x, int64_t rows, const Matrix& y) const;
  /// residual = sum_norm(residual + out_norm(branch)).
  void AddBranch(const Pass& pass, const BranchNorms& norms, const Matrix& branch);

  Architecture architecture_;
  ModelWeights weights_;
  DType dtype_;
  const FloatKernels& kernels_;
  const BlockAttention* block_attention_;
  Workspace workspace_;
  Attention attention_;
  Mlp mlp_;
  Experts experts_;
  std::vector<Sequence> sequences_;
  std::vector<Token> tokens_;
  AlignedBuffer embedded_;   // dtype [rows, embedding_size], where it is projected
  AlignedBuffer residual_;   // f32 [rows, hidden]
  AlignedBuffer normed_;     // dtype [rows, hidden]
  AlignedBuffer branch_;     // dtype or f32 [rows, hidden]
  AlignedBuffer last_;       // f32 [sequences, hidden]
  AlignedBuffer projected_;  // dtype [rows, embedding_size], where it is projected
  AlignedBuffer logits_;     // f32 [rows or sequences, vocab]
};

struct Model::Impl {
  Decoder decoder;
  DType dtype;
  int64_t context;
  std::vector<int32_t> eos_ids;
};

}  // namespace w8a16
