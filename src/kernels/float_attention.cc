// Causal attention of a block of queries: scores of all keys, softmax, weighted sum of the values.
//
// Every query keeps one order of operations whatever block it is in: its scores are dot products of a fixed lane order,
// its exponentials are added in lanes counted from its own first key, and values are added key by key. Tiles of several
// queries take the keys that all of them see; what only some see is done query by query, before and after.

#include "base/highway_targets.h"
#include "kernels/attention_range.h"

#define HWY_TARGET_INCLUDE "kernels/float_attention.cc"
#include "hwy/foreach_target.h"
#include "kernels/float_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace w8a16 {
namespace HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

/// Keys whose rows stay in the first-level cache while all queries pass by.
constexpr int64_t kKeyChunk = 64;
/// A tile of keys is dealt with in 20 ns, memory answers after 100 ns and more.
constexpr int64_t kKeysAhead = 32;
/// Elements of a head that are summed at a time: the accumulators lie on the stack.
constexpr int64_t kHeadChunk = 256;

HWY_INLINE int64_t LaneCount() { return static_cast<int64_t>(hn::Lanes(D())); }

/// s[j] = q . key j, without the scale, for all keys of all queries.
template <class T>
void Scores(const AttentionArgs& args, const AttentionRange& range) {
  const T* keys = static_cast<const T*>(args.keys);
  for (int64_t chunk = range.base; chunk < range.end; chunk += kKeyChunk) {
    for (int64_t q = 0; q < args.queries; q += kTileRows) {
      const int64_t rows = HWY_MIN(int64_t{kTileRows}, args.queries - q);
      const int64_t end = HWY_MIN(chunk + kKeyChunk, range.End(q + rows - 1));
      // Tiles start at multiples of four from `base`, which is where rows of scores have room for whole tiles.
      const int64_t first = HWY_MAX(chunk, range.Begin(q) - (range.Begin(q) - range.base) % kTileColumns);
      const int64_t ahead = q == 0 ? kKeysAhead * args.kv_stride : 0;
      for (int64_t j = first; j < end; j += kTileColumns) {
        const T* b[kTileColumns];
        for (int64_t c = 0; c < kTileColumns; ++c) b[c] = keys + HWY_MIN(j + c, range.end - 1) * args.kv_stride;
        float sums[kTileRows * kTileColumns];
        DotRows(rows, args.q + q * args.q_stride, args.q_stride, b, ahead, args.head_dim, sums);
        for (int64_t r = 0; r < rows; ++r) {
          const hn::CappedTag<float, 4> d4;
          hn::StoreU(hn::LoadU(d4, sums + r * kTileColumns), d4,
                     range.scores + (q + r) * range.stride + j - range.base);
        }
      }
    }
  }
}

/// One row's share of a step over one key: up to four vectors.
template <int kVecs>
HWY_INLINE void AddValue(float weight, V v0, V v1, V v2, V v3, V& a0, V& a1, V& a2, V& a3) {
  const V w = hn::Set(D(), weight);
  a0 = hn::MulAdd(w, v0, a0);
  if constexpr (kVecs > 1) a1 = hn::MulAdd(w, v1, a1);
  if constexpr (kVecs > 2) {
    a2 = hn::MulAdd(w, v2, a2);
    a3 = hn::MulAdd(w, v3, a3);
  }
}

/// Rows of accumulators in memory.
template <int kVecs>
HWY_INLINE void LoadSums(const float* sums, V& a0, V& a1, V& a2, V& a3) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  a0 = hn::LoadU(d, sums);
  if constexpr (kVecs > 1) a1 = hn::LoadU(d, sums + lanes);
  if constexpr (kVecs > 2) {
    a2 = hn::LoadU(d, sums + 2 * lanes);
    a3 = hn::LoadU(d, sums + 3 * lanes);
  }
}
template <int kVecs>
HWY_INLINE void StoreSums(V a0, V a1, V a2, V a3, float* sums) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  hn::StoreU(a0, d, sums);
  if constexpr (kVecs > 1) hn::StoreU(a1, d, sums + lanes);
  if constexpr (kVecs > 2) {
    hn::StoreU(a2, d, sums + 2 * lanes);
    hn::StoreU(a3, d, sums + 3 * lanes);
  }
}

/// What AccumulateTile works on: weights p (rows p_stride apart) of `keys` consecutive rows of values.
template <class T>
struct ValueTile {
  const float* p;
  int64_t p_stride;
  const T* values;
  int64_t value_stride;
  int64_t keys;
  float* sums;
};

/// sums[r * kHeadChunk + i] += sum over keys of p[r] * values[i], key by key, for kRows rows and kVecs vectors
/// (kPartial: `tail` elements).
template <int kRows, int kVecs, bool kPartial, class T>
HWY_NOINLINE void AccumulateTile(const ValueTile<T>& tile, size_t tail) {
  static_assert((kRows == 1 || kRows == 2 || kRows == 4) && (kVecs == 1 || !kPartial));
  const D d;
  const size_t lanes = hn::Lanes(d);
  V a00 = hn::Zero(d), a01 = a00, a02 = a00, a03 = a00;
  V a10 = a00, a11 = a00, a12 = a00, a13 = a00;
  V a20 = a00, a21 = a00, a22 = a00, a23 = a00;
  V a30 = a00, a31 = a00, a32 = a00, a33 = a00;
  LoadSums<kVecs>(tile.sums, a00, a01, a02, a03);
  if constexpr (kRows > 1) LoadSums<kVecs>(tile.sums + kHeadChunk, a10, a11, a12, a13);
  if constexpr (kRows > 2) {
    LoadSums<kVecs>(tile.sums + 2 * kHeadChunk, a20, a21, a22, a23);
    LoadSums<kVecs>(tile.sums + 3 * kHeadChunk, a30, a31, a32, a33);
  }
  const float* HWY_RESTRICT p0 = tile.p;
  const float* HWY_RESTRICT p1 = p0 + tile.p_stride;
  const float* HWY_RESTRICT p2 = p1 + tile.p_stride;
  const float* HWY_RESTRICT p3 = p2 + tile.p_stride;
  const T* HWY_RESTRICT values = tile.values;
  for (int64_t j = 0; j < tile.keys; ++j, values += tile.value_stride) {
    V v0 = hn::Zero(d), v1 = v0, v2 = v0, v3 = v0;
    if constexpr (kPartial) {
      v0 = LoadPartial(d, values, tail);
    } else {
      v0 = LoadLanes(d, values);
    }
    if constexpr (kVecs > 1) v1 = LoadLanes(d, values + lanes);
    if constexpr (kVecs > 2) {
      v2 = LoadLanes(d, values + 2 * lanes);
      v3 = LoadLanes(d, values + 3 * lanes);
    }
    AddValue<kVecs>(p0[j], v0, v1, v2, v3, a00, a01, a02, a03);
    if constexpr (kRows > 1) AddValue<kVecs>(p1[j], v0, v1, v2, v3, a10, a11, a12, a13);
    if constexpr (kRows > 2) {
      AddValue<kVecs>(p2[j], v0, v1, v2, v3, a20, a21, a22, a23);
      AddValue<kVecs>(p3[j], v0, v1, v2, v3, a30, a31, a32, a33);
    }
  }
  StoreSums<kVecs>(a00, a01, a02, a03, tile.sums);
  if constexpr (kRows > 1) StoreSums<kVecs>(a10, a11, a12, a13, tile.sums + kHeadChunk);
  if constexpr (kRows > 2) {
    StoreSums<kVecs>(a20, a21, a22, a23, tile.sums + 2 * kHeadChunk);
    StoreSums<kVecs>(a30, a31, a32, a33, tile.sums + 3 * kHeadChunk);
  }
}

/// All `width` elements of a head chunk, widest tiles first.
template <int kRows, class T>
void Accumulate(ValueTile<T> tile, int64_t width) {
  const int64_t lanes = LaneCount();
  const float* const p = tile.p;
  const T* const values = tile.values;
  float* const sums = tile.sums;
  const int64_t all_keys = tile.keys;
  for (int64_t key = 0; key < all_keys; key += kKeyChunk) {
    tile.keys = HWY_MIN(kKeyChunk, all_keys - key);
    tile.p = p + key;
    for (int64_t i = 0; i < width;) {
      tile.values = values + key * tile.value_stride + i;
      tile.sums = sums + i;
      if (width - i >= 4 * lanes) {
        AccumulateTile<kRows, 4, false>(tile, 0);
        i += 4 * lanes;
      } else if (width - i >= 2 * lanes) {
        AccumulateTile<kRows, 2, false>(tile, 0);
        i += 2 * lanes;
      } else if (width - i >= lanes) {
        AccumulateTile<kRows, 1, false>(tile, 0);
        i += lanes;
      } else {
        AccumulateTile<kRows, 1, true>(tile, static_cast<size_t>(width - i));
        i = width;
      }
    }
  }
}

/// sums[r] = values weighted by the scores of query q + r, for elements [begin, begin + width) of the head.
template <class T>
void WeightedSums(const AttentionArgs& args, const AttentionRange& range, int64_t q, int64_t rows, int64_t begin,
                  int64_t width, float* sums) {
  const T* values = static_cast<const T*>(args.values) + begin;
  const auto tile = [&](int64_t row, int64_t first, int64_t last) -> ValueTile<T> {
    return {range.scores + (q + row) * range.stride + first - range.base,
            range.stride,
            values + first * args.kv_stride,
            args.kv_stride,
            last - first,
            sums + row * kHeadChunk};
  };
  // Keys that every row of a whole tile sees; none where it is not whole.
  const int64_t shared_begin = range.Begin(q + rows - 1);
  const int64_t shared_end = rows == kTileRows ? HWY_MAX(shared_begin, range.End(q)) : shared_begin;
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t first = range.Begin(q + r);
    Accumulate<1>(tile(r, first, HWY_MIN(shared_begin, range.End(q + r))), width);
  }
  if (shared_begin < shared_end) Accumulate<kTileRows>(tile(0, shared_begin, shared_end), width);
  for (int64_t r = 0; r < rows; ++r) Accumulate<1>(tile(r, shared_end, range.End(q + r)), width);
}

template <class T>
void StoreOutput(const float* sums, float total, int64_t width, void* out, int64_t offset) {
  const D d;
  const V divisor = hn::Set(d, total);
  for (int64_t i = 0; i < width; i += LaneCount()) {
    StoreUpTo(d, hn::Div(hn::LoadU(d, sums + i), divisor), static_cast<T*>(out) + offset + i, width - i);
  }
}

void StoreOutputAs(DType dtype, const float* sums, float total, int64_t width, void* out, int64_t offset) {
  W8A16_FOR_DTYPE(dtype, StoreOutput, sums, total, width, out, offset);
}

template <class T>
void AttentionOf(const AttentionArgs& args) {
  const AttentionRange range(args);
  Scores<T>(args, range);
  for (int64_t q = 0; q < args.queries; ++q) {
    const int64_t begin = range.Begin(q);
    range.sums[q] = Softmax(args, range.scores + q * range.stride + begin - range.base, begin, range.End(q) - begin);
  }
  for (int64_t begin = 0; begin < args.head_dim; begin += kHeadChunk) {
    const int64_t width = HWY_MIN(kHeadChunk, args.head_dim - begin);
    for (int64_t q = 0; q < args.queries; q += kTileRows) {
      const int64_t rows = HWY_MIN(int64_t{kTileRows}, args.queries - q);
      HWY_ALIGN float sums[kTileRows * kHeadChunk];
      const int64_t whole = (width + LaneCount() - 1) / LaneCount() * LaneCount();
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t i = 0; i < whole; ++i) sums[r * kHeadChunk + i] = 0;
      }
      WeightedSums<T>(args, range, q, rows, begin, width, sums);
      for (int64_t r = 0; r < rows; ++r) {
        StoreOutputAs(args.out_dtype, sums + r * kHeadChunk, range.sums[q + r], width, args.out,
                      (q + r) * args.out_stride + begin);
      }
    }
  }
}

}  // namespace

float Softmax(const AttentionArgs& args, float* s, int64_t first, int64_t n) noexcept {
  const D d;
  const V scale = hn::Set(d, args.scale);
  const V cap = hn::Set(d, args.softcap);
  V largest = hn::Neg(hn::Inf(d));
  for (int64_t i = 0; i < n; i += LaneCount()) {
    V v = LoadUpTo(d, s + i, n - i);
    if (args.key_bias != nullptr) v = hn::Add(v, LoadUpTo(d, args.key_bias + first + i, n - i));
    v = hn::Mul(v, scale);
    if (args.softcap != 0) v = hn::Mul(cap, Tanh(d, hn::Div(v, cap)));
    if (args.alibi_slope != 0) {
      const V distance = hn::Iota(d, static_cast<float>(i - (n - 1)));
      v = hn::Add(v, hn::Mul(hn::Set(d, args.alibi_slope), distance));
    }
    StoreUpTo(d, v, s + i, n - i);
    if (n - i < LaneCount()) v = hn::IfThenElse(hn::FirstN(d, static_cast<size_t>(n - i)), v, largest);
    largest = hn::Max(largest, v);
  }
  largest = hn::MaxOfLanes(d, largest);
  V sum = hn::Zero(d);
  for (int64_t i = 0; i < n; i += LaneCount()) {
    V e = Exp(d, hn::Sub(LoadUpTo(d, s + i, n - i), largest));
    StoreUpTo(d, e, s + i, n - i);
    if (n - i < LaneCount()) e = hn::IfThenElseZero(hn::FirstN(d, static_cast<size_t>(n - i)), e);
    sum = hn::Add(sum, e);
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

void Attention(const AttentionArgs& args) noexcept { W8A16_FOR_DTYPE(args.kv_dtype, AttentionOf, args); }

}  // namespace HWY_NAMESPACE
}  // namespace w8a16
HWY_AFTER_NAMESPACE();
