#pragma once

#include <cstddef>
#include <cstdint>

#include "base/isa.h"
#include "kernels/bf16_product.h"
#include "kernels/float_kernels.h"

namespace w8a16 {

/// Keys [begin, end) and values of one key/value head, packed as factors of Bf16Product.
struct PackedKeys {
  int64_t begin;  ///< a multiple of 32
  int64_t end;
  std::byte* data;  ///< PackedKeysBytes(end - begin, head_dim) bytes, 64-byte aligned
  bool finite;      ///< all values are
};
size_t PackedKeysBytes(int64_t keys, int64_t head_dim);
/// The keys that a block of queries sees, from the position of its first on, begin with this one or a later one.
int64_t FirstPackedKey(int64_t first_position, int64_t window);

/// Attention of blocks of queries (a prompt's) over a cache of kBF16, as products of bf16 numbers: queries and the
/// weights of the softmax are sums of two such numbers (16 bits), everything else is float32. Like
/// FloatKernels::attention, whose last bits differ, a query's result does not depend on its block.
/// Keys are finite: one that is not gives NaN to the queries that see it, even where its score would be -infinity.
struct BlockAttention {
  /// keys and values begin at key 0. Fills data and finite.
  void (*pack)(const void* keys, const void* values, int64_t kv_stride, int64_t head_dim, PackedKeys& packed);
  /// args.scratch: BlockAttentionScratch bytes, 64-byte aligned. Any number of heads may use the same keys, and any
  /// queries that see none but those.
  void (*attend)(Bf16ProductFn product, const AttentionArgs& args, const PackedKeys& packed);
  Bf16ProductFn product;
};
/// Bytes, for any number of queries.
size_t BlockAttentionScratch(int64_t keys, int64_t head_dim);

/// Of an instruction set that is available; null where this processor has no products of bf16 numbers to go with it.
const BlockAttention* BlockAttentionFor(Isa isa);

}  // namespace w8a16
