#include "model/decoder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/parallel.h"
#include "kernels/kernel_table.h"

namespace w8a16 {
namespace {

// Work below this many elements is done by the calling thread: a parallel region costs a few microseconds.
constexpr int64_t kParallelElements = 1 << 15;
// Queries that are attended to together: enough to use each key several times, few enough to share out evenly.
constexpr int64_t kQueryBlock = 32;

void ForRows(int64_t rows, int64_t elements, FunctionRef<void(int64_t row)> fn) {
  const int64_t grain = std::max<int64_t>(1, kParallelElements / std::max<int64_t>(1, elements));
  ParallelFor(rows, grain, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) fn(row);
  });
}

// Calls fn(row, sequence, position) for every new token.
void ForTokens(std::span<const SequenceInput> inputs, int64_t elements,
               FunctionRef<void(int64_t row, KvCache::Impl& cache, int64_t position)> fn) {
  int64_t first = 0;
  for (const SequenceInput& input : inputs) {
    KvCache::Impl& cache = input.cache->impl();
    const auto count = static_cast<int64_t>(input.ids.size());
    ForRows(count, elements, [&](int64_t i) { fn(first + i, cache, cache.length + i); });
    first += count;
  }
}

Activation KernelActivation(MlpActivation activation) {
  switch (activation) {
    case MlpActivation::kGelu:
      return Activation::kGelu;
    case MlpActivation::kGeluTanh:
      return Activation::kGeluTanh;
    case MlpActivation::kRelu:
      return Activation::kRelu;
    case MlpActivation::kSilu:
      break;
  }
  return Activation::kSilu;
}

}  // namespace

Decoder::Decoder(Architecture architecture, ModelWeights weights, DType dtype)
    : architecture_(std::move(architecture)),
      weights_(std::move(weights)),
      dtype_(dtype),
      kernels_(*ActiveKernels().floats),
      rotary_(architecture_.rope) {}

Matrix Decoder::Activations(AlignedBuffer& buffer, int64_t cols) {
  return {buffer.Reserve(static_cast<size_t>(rows_ * cols) * DTypeSize(dtype_)), dtype_, rows_, cols, cols};
}

float* Decoder::Floats(AlignedBuffer& buffer, int64_t rows, int64_t cols) {
  return reinterpret_cast<float*>(buffer.Reserve(static_cast<size_t>(rows * cols) * sizeof(float)));
}

std::span<const float> Decoder::Forward(std::span<const SequenceInput> inputs, LogitsFor logits) {
  rows_ = 0;
  query_blocks_.clear();
  int64_t positions = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto count = static_cast<int64_t>(inputs[i].ids.size());
    KvCache::Impl& cache = inputs[i].cache->impl();
    for (int64_t first = 0; first < count; first += kQueryBlock) {
      query_blocks_.push_back({i, first, rows_ + first, std::min(kQueryBlock, count - first)});
    }
    cache.Reserve(cache.length + count);
    positions = std::max(positions, cache.length + count);
    rows_ += count;
  }
  rotary_.Reserve(positions);

  Embed(inputs);
  for (int64_t layer = 0; layer < architecture_.layers; ++layer) {
    Attention(layer, inputs);
    Mlp(layer);
  }
  const std::span<const float> result = Head(inputs, logits);
  for (const SequenceInput& input : inputs) {
    input.cache->impl().length += static_cast<int64_t>(input.ids.size());
  }
  return result;
}

void Decoder::Embed(std::span<const SequenceInput> inputs) {
  const int64_t hidden = architecture_.hidden_size;
  float* residual = Floats(buffers_.residual, rows_, hidden);
  const size_t row_bytes = static_cast<size_t>(hidden) * DTypeSize(weights_.embedding.dtype);
  int64_t row = 0;
  for (const SequenceInput& input : inputs) {
    for (int32_t id : input.ids) {
      kernels_.to_float(weights_.embedding.data + static_cast<size_t>(id) * row_bytes, weights_.embedding.dtype, hidden,
                        residual + row * hidden);
      ++row;
    }
  }
}

void Decoder::Norm(const NormWeights& norm, const float* x, int64_t rows, std::byte* y) {
  const NormSpec& spec = architecture_.norm;
  const int64_t hidden = architecture_.hidden_size;
  const size_t row_bytes = static_cast<size_t>(hidden) * DTypeSize(dtype_);
  ForRows(rows, hidden, [&](int64_t row) {
    const float* in = x + row * hidden;
    std::byte* out = y + static_cast<size_t>(row) * row_bytes;
    if (spec.kind == NormKind::kRms) {
      kernels_.rms_norm(in, norm.weight.data(), spec.weight_offset, spec.eps, hidden, out, dtype_);
    } else {
      kernels_.layer_norm(in, norm.weight.data(), norm.bias.empty() ? nullptr : norm.bias.data(), spec.eps, hidden, out,
                          dtype_);
    }
  });
}

void Decoder::AddToResidual(const AlignedBuffer& y) {
  const int64_t hidden = architecture_.hidden_size;
  float* residual = Floats(buffers_.residual, rows_, hidden);
  const size_t row_bytes = static_cast<size_t>(hidden) * DTypeSize(dtype_);
  ForRows(rows_, hidden, [&](int64_t row) {
    kernels_.add(residual + row * hidden, y.data() + static_cast<size_t>(row) * row_bytes, dtype_, 1.0F, hidden);
  });
}

void Decoder::Attention(int64_t layer, std::span<const SequenceInput> inputs) {
  const Architecture& a = architecture_;
  const BlockWeights& block = weights_.blocks[static_cast<size_t>(layer)];
  const Matrix x = Activations(buffers_.normed, a.hidden_size);
  Norm(block.attention_norm, Floats(buffers_.residual, rows_, a.hidden_size), rows_, static_cast<std::byte*>(x.data));

  const std::array<const Linear*, 3> layers = {&block.q, &block.k, &block.v};
  const std::array<Matrix, 3> outputs = {Activations(buffers_.q, a.heads * a.head_dim),
                                         Activations(buffers_.k, a.kv_heads * a.head_dim),
                                         Activations(buffers_.v, a.kv_heads * a.head_dim)};
  Linear::ForwardTogether(layers, x, outputs, workspace_);
  StoreKeysAndRotateQueries(layer, inputs);
  Attend(layer, inputs);
  const Matrix y = Activations(buffers_.projected, a.hidden_size);
  block.o.Forward(Activations(buffers_.attended, a.heads * a.head_dim), y, workspace_);
  AddToResidual(buffers_.projected);
}

void Decoder::StoreKeysAndRotateQueries(int64_t layer, std::span<const SequenceInput> inputs) {
  const Architecture& a = architecture_;
  const RopeSpec& rope = a.rope;
  const Matrix q = Activations(buffers_.q, a.heads * a.head_dim);
  const Matrix k = Activations(buffers_.k, a.kv_heads * a.head_dim);
  const Matrix v = Activations(buffers_.v, a.kv_heads * a.head_dim);
  float* rotated = Floats(buffers_.rotated, rows_, a.heads * a.head_dim);
  const size_t head_bytes = static_cast<size_t>(a.head_dim) * DTypeSize(dtype_);

  const auto rotate = [&](float* heads, int64_t count, int64_t position) {
    if (rope.inverse_frequencies.empty()) return;
    for (int64_t head = 0; head < count; ++head) {
      kernels_.rope(heads + head * a.head_dim, rotary_.Cos(position), rotary_.Sin(position), rope.rotary_dim(),
                    rope.interleaved);
    }
  };
  ForTokens(inputs, 2 * a.heads * a.head_dim, [&](int64_t row, KvCache::Impl& cache, int64_t position) {
    float* queries = rotated + row * a.heads * a.head_dim;
    // The keys are turned in the place of this row's queries, before these come: kv_heads <= heads.
    kernels_.to_float(k.Row(row), dtype_, a.kv_heads * a.head_dim, queries);
    rotate(queries, a.kv_heads, position);
    for (int64_t head = 0; head < a.kv_heads; ++head) {
      kernels_.from_float(queries + head * a.head_dim, a.head_dim, cache.Slot(cache.keys, layer, head, position),
                          dtype_);
      std::memcpy(cache.Slot(cache.values, layer, head, position),
                  static_cast<const std::byte*>(v.Row(row)) + static_cast<size_t>(head) * head_bytes, head_bytes);
    }
    kernels_.to_float(q.Row(row), dtype_, a.heads * a.head_dim, queries);
    rotate(queries, a.heads, position);
  });
}

void Decoder::Attend(int64_t layer, std::span<const SequenceInput> inputs) {
  const Architecture& a = architecture_;
  int64_t longest = 0;
  int64_t work = 0;
  for (const SequenceInput& input : inputs) {
    const auto count = static_cast<int64_t>(input.ids.size());
    const int64_t keys = input.cache->impl().length + count;
    longest = std::max(longest, keys);
    work += count * keys * a.heads * a.head_dim;
  }
  const Matrix out = Activations(buffers_.attended, a.heads * a.head_dim);
  const float* rotated = Floats(buffers_.rotated, rows_, a.heads * a.head_dim);
  const int workers = work < 4 * kParallelElements ? 1 : MaxThreads();
  buffers_.scratch.resize(std::max(buffers_.scratch.size(), static_cast<size_t>(workers)));
  const size_t scratch = AttentionScratch(std::min(kQueryBlock, rows_), longest) * sizeof(float);
  for (AlignedBuffer& buffer : buffers_.scratch) buffer.Reserve(scratch);

  const auto blocks = static_cast<int64_t>(query_blocks_.size());
  ParallelTasks(blocks * a.heads, workers, [&](int64_t index, int worker) {
    // The last blocks see the most keys: they go first, so that the workers end together.
    const QueryBlock& task = query_blocks_[static_cast<size_t>(blocks - 1 - index / a.heads)];
    const int64_t head = index % a.heads;
    const int64_t kv_head = head / (a.heads / a.kv_heads);
    const KvCache::Impl& cache = inputs[task.sequence].cache->impl();
    kernels_.attention(
        {.q = rotated + task.row * a.heads * a.head_dim + head * a.head_dim,
         .q_stride = a.heads * a.head_dim,
         .queries = task.queries,
         .first_position = cache.length + task.first,
         .keys = cache.Slot(cache.keys, layer, kv_head, 0),
         .values = cache.Slot(cache.values, layer, kv_head, 0),
         .kv_dtype = dtype_,
         .kv_stride = a.head_dim,
         .head_dim = a.head_dim,
         .scale = a.attention_scale,
         .softcap = 0,
         .alibi_slope = 0,
         .window = a.windows[static_cast<size_t>(layer)],
         .out = static_cast<std::byte*>(out.Row(task.row)) + static_cast<size_t>(head * a.head_dim) * DTypeSize(dtype_),
         .out_dtype = dtype_,
         .out_stride = a.heads * a.head_dim,
         .scratch = reinterpret_cast<float*>(buffers_.scratch[static_cast<size_t>(worker)].data())});
  });
}

void Decoder::Mlp(int64_t layer) {
  const Architecture& a = architecture_;
  const BlockWeights& block = weights_.blocks[static_cast<size_t>(layer)];
  const Matrix x = Activations(buffers_.normed, a.hidden_size);
  Norm(block.mlp_norm, Floats(buffers_.residual, rows_, a.hidden_size), rows_, static_cast<std::byte*>(x.data));

  const Matrix gate = Activations(buffers_.gate, a.intermediate_size);
  const Matrix up = Activations(buffers_.up, a.intermediate_size);
  const std::array<const Linear*, 2> layers = {&block.gate, &block.up};
  const std::array<Matrix, 2> outputs = {gate, up};
  Linear::ForwardTogether(layers, x, outputs, workspace_);
  const Activation activation = KernelActivation(a.activation);
  ForRows(rows_, 4 * a.intermediate_size, [&](int64_t row) {
    kernels_.activate(activation, gate.Row(row), up.Row(row), a.intermediate_size, gate.Row(row), dtype_);
  });
  block.down.Forward(gate, Activations(buffers_.projected, a.hidden_size), workspace_);
  AddToResidual(buffers_.projected);
}

std::span<const float> Decoder::Head(std::span<const SequenceInput> inputs, LogitsFor logits) {
  const Architecture& a = architecture_;
  const float* residual = Floats(buffers_.residual, rows_, a.hidden_size);
  int64_t rows = rows_;
  if (logits == LogitsFor::kLastToken) {
    rows = static_cast<int64_t>(inputs.size());
    float* last = Floats(buffers_.last, rows, a.hidden_size);
    int64_t end = 0;
    for (size_t i = 0; i < inputs.size(); ++i) {
      end += static_cast<int64_t>(inputs[i].ids.size());
      std::memcpy(last + static_cast<int64_t>(i) * a.hidden_size, residual + (end - 1) * a.hidden_size,
                  static_cast<size_t>(a.hidden_size) * sizeof(float));
    }
    residual = last;
  }
  const Matrix x = Activations(buffers_.normed, a.hidden_size);
  Norm(weights_.final_norm, residual, rows, static_cast<std::byte*>(x.data));
  float* out = Floats(buffers_.logits, rows, a.vocab_size);
  weights_.head.Forward({x.data, dtype_, rows, a.hidden_size, a.hidden_size},
                        {out, DType::kF32, rows, a.vocab_size, a.vocab_size}, workspace_);
  return {out, static_cast<size_t>(rows * a.vocab_size)};
}

}  // namespace w8a16
