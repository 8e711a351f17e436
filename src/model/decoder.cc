#include "model/decoder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "kernels/kernel_table.h"

namespace w8a16 {
namespace {

const std::byte* TableRow(const TensorView& table, int64_t row) {
  return table.data + static_cast<size_t>(row * table.shape[1]) * DTypeSize(table.dtype);
}

}  // namespace

Decoder::Decoder(Architecture architecture, ModelWeights weights, DType dtype)
    : architecture_(std::move(architecture)),
      weights_(std::move(weights)),
      dtype_(dtype),
      kernels_(*ActiveKernels().floats),
      block_attention_(dtype == DType::kBF16 ? ActiveKernels().block_attention : nullptr),
      attention_(architecture_) {}

std::span<const float> Decoder::Forward(std::span<const SequenceInput> inputs, LogitsFor logits) {
  for (const SequenceInput& input : inputs) RefreshCache(input);
  sequences_.clear();
  for (const SequenceInput& input : inputs) {
    KvCache::Impl& cache = input.cache->impl();
    sequences_.push_back({&cache, input.ids, cache.length, cache.length + static_cast<int64_t>(input.ids.size())});
  }
  const Pass pass = RunBlocks(sequences_);
  const std::span<const float> result = Head(pass, logits);
  for (const Sequence& sequence : sequences_) sequence.cache->Append(sequence.ids);
  return result;
}

void Decoder::RefreshCache(const SequenceInput& input) {
  KvCache::Impl& cache = input.cache->impl();
  const int64_t positions = cache.length + static_cast<int64_t>(input.ids.size());
  if (cache.length == 0 || !attention_.Outdates(cache.length, positions)) return;
  const std::vector<int32_t> ids(cache.ids.begin(), cache.ids.begin() + cache.length);
  cache.length = 0;
  const std::array<Sequence, 1> again = {{{&cache, ids, 0, positions}}};
  RunBlocks(again);
  cache.Append(ids);
}

Pass Decoder::RunBlocks(std::span<const Sequence> sequences) {
  tokens_.clear();
  for (size_t i = 0; i < sequences.size(); ++i) {
    const Sequence& sequence = sequences[i];
    const auto count = static_cast<int64_t>(sequence.ids.size());
    sequence.cache->Reserve(sequence.first + count);
    for (int64_t t = 0; t < count; ++t) tokens_.push_back({i, sequence.first + t});
  }
  const Pass pass = {architecture_, kernels_, block_attention_, dtype_, workspace_, sequences, tokens_};
  attention_.Prepare(pass);
  Embed(pass);
  for (size_t layer = 0; layer < weights_.blocks.size(); ++layer) RunBlock(pass, static_cast<int64_t>(layer));
  return pass;
}

void Decoder::Embed(const Pass& pass) {
  const int64_t hidden = architecture_.hidden_size;
  const int64_t size = architecture_.embedding_size;
  float* residual = FloatsIn(residual_, pass.rows(), hidden);
  const auto embed = [&](float* out, int64_t stride) {
    int64_t row = 0;
    for (const Sequence& sequence : pass.sequences) {
      for (const int32_t id : sequence.ids) {
        kernels_.to_float(TableRow(weights_.embedding, id), weights_.embedding.dtype, size, out + row * stride);
        ++row;
      }
    }
  };
  if (weights_.project_in) {
    float* floats = FloatsIn(branch_, pass.rows(), size);
    embed(floats, size);
    const Matrix x = MatrixIn(embedded_, dtype_, pass.rows(), size);
    for (int64_t row = 0; row < pass.rows(); ++row) kernels_.from_float(floats + row * size, size, x.Row(row), dtype_);
    weights_.project_in->Forward(x, {residual, DType::kF32, pass.rows(), hidden, hidden}, workspace_);
  } else {
    embed(residual, hidden);
  }
  ForRows(pass.rows(), hidden, [&](int64_t row) {
    float* x = residual + row * hidden;
    if (architecture_.embedding_scale != 1) {
      for (int64_t i = 0; i < hidden; ++i) x[i] *= architecture_.embedding_scale;
    }
    if (weights_.positions.data == nullptr) return;
    const int64_t position = pass.tokens[static_cast<size_t>(row)].position + architecture_.position_offset;
    kernels_.add(x, TableRow(weights_.positions, position), weights_.positions.dtype, 1, hidden);
  });
  if (weights_.embedding_norm) {
    Norm(weights_.embedding_norm, residual, pass.rows(), {residual, DType::kF32, pass.rows(), hidden, hidden});
  }
}

void Decoder::Norm(const std::optional<NormWeights>& norm, const float* x, int64_t rows, const Matrix& y) const {
  const int64_t hidden = architecture_.hidden_size;
  const auto pointer = [](const std::vector<float>& of) { return of.empty() ? nullptr : of.data(); };
  ForRows(rows, hidden, [&](int64_t row) {
    const float* in = x + row * hidden;
    if (norm) {
      NormRow(kernels_, architecture_.norm, pointer(norm->weight), pointer(norm->bias), in, hidden, y.Row(row),
              y.dtype);
    } else {
      kernels_.from_float(in, hidden, y.Row(row), y.dtype);
    }
  });
}

void Decoder::AddBranch(const Pass& pass, const BranchNorms& norms, const Matrix& branch) {
  const int64_t hidden = architecture_.hidden_size;
  float* residual = FloatsIn(residual_, pass.rows(), hidden);
  if (norms.out) Norm(norms.out, static_cast<const float*>(branch.data), pass.rows(), branch);
  ForRows(pass.rows(), hidden, [&](int64_t row) {
    kernels_.add(residual + row * hidden, branch.Row(row), branch.dtype, architecture_.residual_scale, hidden);
  });
  if (norms.sum) Norm(norms.sum, residual, pass.rows(), {residual, DType::kF32, pass.rows(), hidden, hidden});
}

void Decoder::RunBlock(const Pass& pass, int64_t layer) {
  const BlockWeights& block = weights_.blocks[static_cast<size_t>(layer)];
  const int64_t hidden = architecture_.hidden_size;
  const float* residual = FloatsIn(residual_, pass.rows(), hidden);
  const Matrix x = MatrixIn(normed_, dtype_, pass.rows(), hidden);
  // Norms take float32, and the experts' sums are float32.
  const auto branch = [&](bool floats) {
    return MatrixIn(branch_, floats ? DType::kF32 : dtype_, pass.rows(), hidden);
  };

  Norm(block.attention_norms.in, residual, pass.rows(), x);
  const Matrix attended = branch(block.attention_norms.out.has_value());
  attention_.Run(pass, layer, block.attention, x, attended);
  // Beside attention the MLP reads what attention read, or its own norm of it.
  const bool parallel = architecture_.parallel_branches;
  if (parallel && block.mlp_norms.in) Norm(block.mlp_norms.in, residual, pass.rows(), x);
  AddBranch(pass, block.attention_norms, attended);
  if (!parallel) Norm(block.mlp_norms.in, residual, pass.rows(), x);
  const Matrix y = branch(block.mlp_norms.out.has_value() || block.experts.has_value());
  if (block.experts) {
    experts_.Run(pass, *block.experts, x, y);
  } else {
    mlp_.Run(pass, *block.mlp, x, y);
  }
  AddBranch(pass, block.mlp_norms, y);
}

std::span<const float> Decoder::Head(const Pass& pass, LogitsFor logits) {
  const Architecture& a = architecture_;
  const float* residual = FloatsIn(residual_, pass.rows(), a.hidden_size);
  int64_t rows = pass.rows();
  if (logits == LogitsFor::kLastToken) {
    rows = static_cast<int64_t>(pass.sequences.size());
    float* last = FloatsIn(last_, rows, a.hidden_size);
    int64_t end = 0;
    for (int64_t i = 0; i < rows; ++i) {
      end += static_cast<int64_t>(pass.sequences[static_cast<size_t>(i)].ids.size());
      std::memcpy(last + i * a.hidden_size, residual + (end - 1) * a.hidden_size,
                  static_cast<size_t>(a.hidden_size) * sizeof(float));
    }
    residual = last;
  }
  Matrix x = MatrixIn(normed_, dtype_, rows, a.hidden_size);
  Norm(weights_.final_norm, residual, rows, x);
  if (weights_.project_out) {
    const Matrix projected = MatrixIn(projected_, dtype_, rows, a.embedding_size);
    weights_.project_out->Forward(x, projected, workspace_);
    x = projected;
  }
  const Matrix out = MatrixIn(logits_, DType::kF32, rows, a.vocab_size);
  weights_.head.Forward(x, out, workspace_);
  auto* floats = static_cast<float*>(out.data);
  if (a.logit_scale != 1 || a.logit_softcap != 0) {
    ForRows(rows, a.vocab_size, [&](int64_t row) {
      kernels_.scale_and_cap(floats + row * a.vocab_size, a.logit_scale, a.logit_softcap, a.vocab_size);
    });
  }
  return {floats, static_cast<size_t>(rows * a.vocab_size)};
}

}  // namespace w8a16
