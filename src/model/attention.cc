#include "model/attention.h"

#include <algorithm>
#include <cstring>

namespace w8a16 {
namespace {

// Queries that are attended to together: enough to use each key several times, few enough to share out evenly.
constexpr int64_t kQueryBlock = 32;
// Queries of all heads that share keys for which these are packed, and how many make it worth while.
constexpr int64_t kPackedQueries = 128;
constexpr int64_t kLeastPackedQueries = 32;
// Multiply-adds below which waking other threads costs more than they save.
constexpr int64_t kMinParallelWork = int64_t{1} << 17;

// What is done to the heads of queries or keys before they meet.
struct HeadWork {
  const Pass& pass;
  const NormWeights* norm;  // null: none
  const RotaryTable* table;
  const RopeSpec* rope;  // null: none

  // x [heads, head_dim] of the token at `position`.
  void operator()(float* x, int64_t heads, int64_t position) const {
    const AttentionSpec& spec = pass.architecture.attention;
    if (spec.qkv_clip != 0) Clip(x, heads * spec.head_dim, spec.qkv_clip);
    if (norm != nullptr) {
      const int64_t whole = heads * spec.head_dim;
      const int64_t width = spec.qk_norm_scope == QkNormScope::kProjection ? whole : spec.head_dim;
      const auto part = [](const std::vector<float>& of, int64_t first) {
        return of.empty() ? nullptr : of.data() + first;
      };
      for (int64_t first = 0; first < whole; first += width) {
        NormRow(pass.kernels, spec.qk_norm, part(norm->weight, first), part(norm->bias, first), x + first, width,
                x + first, DType::kF32);
      }
    }
    if (rope == nullptr) return;
    for (int64_t head = 0; head < heads; ++head) {
      pass.kernels.rope(x + head * spec.head_dim, table->Cos(position), table->Sin(position), rope->rotary_dim(),
                        rope->interleaved);
    }
  }

  static void Clip(float* x, int64_t n, float limit) {
    for (int64_t i = 0; i < n; ++i) x[i] = std::clamp(x[i], -limit, limit);
  }
};

const NormWeights* Pointer(const std::optional<NormWeights>& norm) { return norm ? &*norm : nullptr; }

}  // namespace

Attention::Attention(const Architecture& architecture) {
  for (const RopeSpec& rope : architecture.ropes) ropes_.emplace_back(rope);
}

bool Attention::Outdates(int64_t length, int64_t positions) const {
  return std::any_of(ropes_.begin(), ropes_.end(),
                     [&](const Rotary& rope) { return rope.Outdates(length, positions); });
}

void Attention::Prepare(const Pass& pass) {
  for (Rotary& rope : ropes_) rope.Prepare(pass.sequences);
  query_blocks_.clear();
  prompt_blocks_.clear();
  longest_ = 0;
  const AttentionSpec& spec = pass.architecture.attention;
  const int64_t group = spec.heads / spec.kv_heads;
  int64_t row = 0;
  for (size_t i = 0; i < pass.sequences.size(); ++i) {
    const Sequence& sequence = pass.sequences[i];
    const auto count = static_cast<int64_t>(sequence.ids.size());
    const bool prompt = pass.block_attention != nullptr && count > 1 && count * group >= kLeastPackedQueries;
    const int64_t size = prompt ? std::max(kQueryBlock, kPackedQueries / group) : kQueryBlock;
    for (int64_t first = 0; first < count; first += size) {
      (prompt ? prompt_blocks_ : query_blocks_)
          .push_back({i, sequence.first + first, row + first, std::min(size, count - first)});
    }
    row += count;
    longest_ = std::max(longest_, sequence.first + count);
  }
  if (spec.alibi_in_bf16) ExtendKeyBiases(pass.architecture, longest_);
}

void Attention::ExtendKeyBiases(const Architecture& architecture, int64_t positions) {
  key_biases_.resize(static_cast<size_t>(architecture.attention.heads));
  for (size_t head = 0; head < key_biases_.size(); ++head) {
    std::vector<float>& biases = key_biases_[head];
    const float slope = architecture.attention.alibi_slopes[head];
    while (static_cast<int64_t>(biases.size()) < positions) {
      const float product = slope * static_cast<float>(biases.size());
      biases.push_back(BF16ToFloat(FloatToBF16(product)));
    }
  }
}

void Attention::Run(const Pass& pass, int64_t layer, const AttentionWeights& weights, ConstMatrix x, const Matrix& y) {
  const AttentionSpec& spec = pass.architecture.attention;
  const Matrix qkv = MatrixIn(qkv_, pass.dtype, pass.rows(), spec.QSize() + 2 * spec.KvSize());
  Project(weights.qkv, x, qkv, pass.workspace);
  StoreKeysAndRotateQueries(pass, layer, weights, qkv);
  const Matrix attended = MatrixIn(attended_, pass.dtype, pass.rows(), spec.QSize());
  Attend(pass, layer, attended);
  weights.o.Forward(attended, y, pass.workspace);
}

void Attention::StoreKeysAndRotateQueries(const Pass& pass, int64_t layer, const AttentionWeights& weights,
                                          const Matrix& qkv) {
  const AttentionSpec& spec = pass.architecture.attention;
  const int32_t rope_number = pass.architecture.layers[static_cast<size_t>(layer)].rope;
  const Rotary* rope = rope_number < 0 ? nullptr : &ropes_[static_cast<size_t>(rope_number)];
  float* rotated = FloatsIn(rotated_, pass.rows(), spec.QSize());
  const size_t element = DTypeSize(pass.dtype);
  const size_t head_bytes = static_cast<size_t>(spec.head_dim) * element;

  ForRows(pass.rows(), 2 * spec.QSize(), [&](int64_t row) {
    const Token token = pass.tokens[static_cast<size_t>(row)];
    const KvCache::Impl& cache = *pass.sequences[token.sequence].cache;
    const RotaryTable* table = rope == nullptr ? nullptr : &rope->Table(token.sequence);
    const RopeSpec* rope_spec = rope == nullptr ? nullptr : &rope->spec();
    const auto* in = static_cast<const std::byte*>(qkv.Row(row));
    const auto gather = [&](const std::vector<int64_t>& heads, float* out) {
      for (size_t head = 0; head < heads.size(); ++head) {
        pass.kernels.to_float(in + static_cast<size_t>(heads[head]) * element, pass.dtype, spec.head_dim,
                              out + static_cast<int64_t>(head) * spec.head_dim);
      }
    };
    const auto store = [&](const float* heads, const std::vector<AlignedBuffer>& of) {
      for (int64_t head = 0; head < spec.kv_heads; ++head) {
        pass.kernels.from_float(heads + head * spec.head_dim, spec.head_dim,
                                cache.Slot(of, layer, head, token.position), pass.dtype);
      }
    };
    float* queries = rotated + row * spec.QSize();
    // Keys are dealt with in the place of this row's queries, before these come: kv_heads <= heads.
    gather(spec.rows.k, queries);
    HeadWork{pass, Pointer(weights.k_norm), table, rope_spec}(queries, spec.kv_heads, token.position);
    store(queries, cache.keys);
    if (spec.qkv_clip != 0) {
      gather(spec.rows.v, queries);
      HeadWork::Clip(queries, spec.KvSize(), spec.qkv_clip);
      store(queries, cache.values);
    } else {
      for (int64_t head = 0; head < spec.kv_heads; ++head) {
        std::memcpy(cache.Slot(cache.values, layer, head, token.position),
                    in + static_cast<size_t>(spec.rows.v[static_cast<size_t>(head)]) * element, head_bytes);
      }
    }
    gather(spec.rows.q, queries);
    HeadWork{pass, Pointer(weights.q_norm), table, rope_spec}(queries, spec.heads, token.position);
  });
}

void Attention::Attend(const Pass& pass, int64_t layer, const Matrix& out) {
  const AttentionSpec& spec = pass.architecture.attention;
  int64_t work = 0;
  for (const Sequence& sequence : pass.sequences) {
    const auto count = static_cast<int64_t>(sequence.ids.size());
    work += count * (sequence.first + count) * spec.QSize();
  }
  const int workers = work < kMinParallelWork ? 1 : MaxThreads();
  scratch_.resize(std::max(scratch_.size(), static_cast<size_t>(workers)));
  if (!prompt_blocks_.empty()) AttendByKeys(pass, layer, workers, out);
  if (!query_blocks_.empty()) AttendByHeads(pass, layer, workers, out);
}

AttentionArgs Attention::Task(const Pass& pass, int64_t layer, const QueryBlock& block, int64_t head,
                              const Matrix& out) {
  const AttentionSpec& spec = pass.architecture.attention;
  const LayerSpec& layer_spec = pass.architecture.layers[static_cast<size_t>(layer)];
  const bool by_distance = !spec.alibi_slopes.empty() && !spec.alibi_in_bf16;
  const int64_t kv_head = head / (spec.heads / spec.kv_heads);
  const int64_t first = head * spec.head_dim;
  const KvCache::Impl& cache = *pass.sequences[block.sequence].cache;
  return {.q = FloatsIn(rotated_, pass.rows(), spec.QSize()) + block.row * spec.QSize() + first,
          .q_stride = spec.QSize(),
          .queries = block.queries,
          .first_position = block.position,
          .keys = cache.Slot(cache.keys, layer, kv_head, 0),
          .values = cache.Slot(cache.values, layer, kv_head, 0),
          .kv_dtype = pass.dtype,
          .kv_stride = spec.head_dim,
          .head_dim = spec.head_dim,
          .scale = layer_spec.attention_scale,
          .softcap = spec.softcap,
          .alibi_slope = by_distance ? spec.alibi_slopes[static_cast<size_t>(head)] : 0,
          .key_bias = spec.alibi_in_bf16 ? key_biases_[static_cast<size_t>(head)].data() : nullptr,
          .window = layer_spec.window,
          .out = static_cast<std::byte*>(out.Row(block.row)) + static_cast<size_t>(first) * DTypeSize(out.dtype),
          .out_dtype = out.dtype,
          .out_stride = out.stride,
          .scratch = nullptr};
}

// The last blocks see the most keys: they go first, so that the workers end together.
void Attention::AttendByHeads(const Pass& pass, int64_t layer, int workers, const Matrix& out) {
  const int64_t heads = pass.architecture.attention.heads;
  const size_t scratch = AttentionScratch(std::min(kQueryBlock, pass.rows()), longest_) * sizeof(float);
  for (AlignedBuffer& buffer : scratch_) buffer.Reserve(scratch);
  const auto blocks = static_cast<int64_t>(query_blocks_.size());
  ParallelTasks(blocks * heads, workers, [&](int64_t index, int worker) {
    const QueryBlock& block = query_blocks_[static_cast<size_t>(blocks - 1 - index / heads)];
    AttentionArgs task = Task(pass, layer, block, index % heads, out);
    task.scratch = reinterpret_cast<float*>(scratch_[static_cast<size_t>(worker)].data());
    pass.kernels.attention(task);
  });
}

void Attention::AttendByKeys(const Pass& pass, int64_t layer, int workers, const Matrix& out) {
  const AttentionSpec& spec = pass.architecture.attention;
  const int64_t window = pass.architecture.layers[static_cast<size_t>(layer)].window;
  const auto keys_of = [&](const QueryBlock& block) -> PackedKeys {
    return {.begin = FirstPackedKey(block.position, window),
            .end = block.position + block.queries,
            .data = nullptr,
            .finite = true};
  };
  int64_t most_keys = 0;
  for (const QueryBlock& block : prompt_blocks_) {
    const PackedKeys keys = keys_of(block);
    most_keys = std::max(most_keys, keys.end - keys.begin);
  }
  const size_t packed_bytes = PackedKeysBytes(most_keys, spec.head_dim);
  for (AlignedBuffer& buffer : scratch_) buffer.Reserve(packed_bytes + BlockAttentionScratch(most_keys, spec.head_dim));
  const auto blocks = static_cast<int64_t>(prompt_blocks_.size());
  // Heads that share keys are one task, which packs them once, unless there are too few tasks for the workers.
  const int64_t group = spec.heads / spec.kv_heads;
  const int64_t cuts = blocks * spec.kv_heads >= 2 * workers ? 1 : group;
  const int64_t tasks_of_block = spec.kv_heads * cuts;
  ParallelTasks(blocks * tasks_of_block, workers, [&](int64_t index, int worker) {
    const QueryBlock& block = prompt_blocks_[static_cast<size_t>(blocks - 1 - index / tasks_of_block)];
    const int64_t first_head = index % tasks_of_block * (group / cuts);
    std::byte* memory = scratch_[static_cast<size_t>(worker)].data();
    AttentionArgs task = Task(pass, layer, block, first_head, out);
    PackedKeys keys = keys_of(block);
    keys.data = memory;
    pass.block_attention->pack(task.keys, task.values, task.kv_stride, task.head_dim, keys);
    for (int64_t head = first_head; head < first_head + group / cuts; ++head) {
      task = Task(pass, layer, block, head, out);
      task.scratch = reinterpret_cast<float*>(memory + packed_bytes);
      pass.block_attention->attend(pass.block_attention->product, task, keys);
    }
  });
}

}  // namespace w8a16
