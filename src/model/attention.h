#pragma once

#include <cstdint>
#include <vector>

#include "base/aligned_buffer.h"
#include "model/pass.h"
#include "model/rotary.h"

namespace w8a16 {

/// The attention branch of all blocks, with its scratch memory.
class Attention {
 public:
  explicit Attention(const Architecture& architecture);

  /// True where the keys in a cache of `length` positions are wrong once the text has `positions`, and the text must be
  /// read again.
  bool Outdates(int64_t length, int64_t positions) const;
  /// Once for each pass, before Run.
  void Prepare(const Pass& pass);
  /// y = attention(x) of block `layer`; the new keys and values are added to the caches.
  void Run(const Pass& pass, int64_t layer, const AttentionWeights& weights, ConstMatrix x, const Matrix& y);

 private:
  /// Consecutive new tokens of one sequence that are attended from together.
  struct QueryBlock {
    size_t sequence;
    int64_t position;  // of the first one
    int64_t row;       // among the tokens of the pass
    int64_t queries;
  };

  void StoreKeysAndRotateQueries(const Pass& pass, int64_t layer, const AttentionWeights& weights, const Matrix& qkv);
  void Attend(const Pass& pass, int64_t layer, const Matrix& out);
  /// One head of one block.
  AttentionArgs Task(const Pass& pass, int64_t layer, const QueryBlock& block, int64_t head, const Matrix& out);
  void AttendByHeads(const Pass& pass, int64_t layer, int workers, const Matrix& out);
  void AttendByKeys(const Pass& pass, int64_t layer, int workers, const Matrix& out);

  /// Biases of keys, for a text of `positions`, where they are not a matter of distance.
  void ExtendKeyBiases(const Architecture& architecture, int64_t positions);

  std::vector<Rotary> ropes_;
  std::vector<std::vector<float>> key_biases_;  // for each head, of all positions so far
  std::vector<QueryBlock> query_blocks_;        // heads one by one
  std::vector<QueryBlock> prompt_blocks_;       // heads that share keys together, by Pass::block_attention
  int64_t longest_ = 0;                         // text of the pass
  AlignedBuffer qkv_;                           // dtype [rows, heads * head_dim + 2 kv_heads * head_dim]
  AlignedBuffer rotated_;                       // f32 [rows, heads * head_dim]
  AlignedBuffer attended_;                      // dtype [rows, heads * head_dim]
  std::vector<AlignedBuffer> scratch_;          // one for each worker
};

}  // namespace w8a16
