// Attention of a block of queries as two matrix products, scores = q K^T and out = P V, with the softmax of the float
// kernels between them. Keys and values are packed into tiles once for all heads and queries that use them.

#include "kernels/block_attention.h"

#include <algorithm>

#include "kernels/attention_range.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels/avx512-inl.h"
#endif

namespace w8a16 {
namespace {

using Tile = Bf16ProductArgs;

// Queries that are dealt with together: their scores stay in the second-level cache.
constexpr int64_t kBlockQueries = 32;

int64_t RoundUp(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

// Sizes of what a block of queries works on.
struct Sizes {
  Sizes(int64_t key_count, int64_t head_dim)
      : keys(RoundUp(key_count, Tile::kDepth)),
        depth(RoundUp(head_dim, Tile::kDepth)),
        width(RoundUp(head_dim, Tile::kColumns)) {}

  int64_t KeyElements() const { return keys * depth; }
  int64_t ValueElements() const { return keys * width; }

  int64_t keys;
  int64_t depth;  // of q K^T
  int64_t width;  // of P V
};

}  // namespace

size_t PackedKeysBytes(int64_t keys, int64_t head_dim) {
  const Sizes sizes(keys, head_dim);
  return static_cast<size_t>(sizes.KeyElements() + sizes.ValueElements()) * sizeof(uint16_t);
}

int64_t FirstPackedKey(int64_t first_position, int64_t window) {
  return FirstKey(first_position, window) / Tile::kDepth * Tile::kDepth;
}

size_t BlockAttentionScratch(int64_t keys, int64_t head_dim) {
  const Sizes sizes(keys, head_dim);
  return static_cast<size_t>(kBlockQueries * (sizes.depth + sizes.keys + sizes.width)) * sizeof(float);
}

#if defined(__x86_64__)

#define W8A16_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16")))

namespace {

__mmask32 First(int64_t count) {
  return static_cast<__mmask32>(count >= 32 ? ~uint32_t{0} : (uint32_t{1} << std::max<int64_t>(count, 0)) - 1);
}

// Tiles of 16 keys and 32 dimensions: [pair of dimensions][key].
W8A16_TARGET void PackKeyTiles(const uint16_t* keys, int64_t stride, int64_t head_dim, int64_t count,
                               const Sizes& sizes, uint16_t* out) {
  for (int64_t first = 0; first < sizes.keys; first += Tile::kColumns) {
    for (int64_t i = 0; i < sizes.depth; i += Tile::kDepth, out += Tile::kTile) {
      __m512i rows[Tile::kColumns];
      for (int64_t key = 0; key < Tile::kColumns; ++key) {
        const bool there = first + key < count;
        rows[key] = there ? _mm512_maskz_loadu_epi16(First(head_dim - i), keys + (first + key) * stride + i)
                          : _mm512_setzero_si512();
      }
      avx512::Transpose16x16(rows);
      for (int64_t pair = 0; pair < Tile::kColumns; ++pair) _mm512_store_si512(out + pair * 32, rows[pair]);
    }
  }
}

W8A16_TARGET bool IsFinite(const uint16_t* values, int64_t n) {
  const __m512i exponent = _mm512_set1_epi16(0x7F80);
  for (int64_t i = 0; i < n; i += 32) {
    const __m512i bits = _mm512_maskz_loadu_epi16(First(n - i), values + i);
    if (_mm512_cmpeq_epi16_mask(_mm512_and_si512(bits, exponent), exponent) != 0) return false;
  }
  return true;
}

// The 16 values from i on of one key, widened; zeros where there are none or any value of the key is not finite: times
// the zero weight of a query that does not see the key they would be a NaN. AddNonFinite deals with those keys.
W8A16_TARGET __m512i ValuesOf(const uint16_t* row, int64_t head_dim, int64_t i) {
  if (row == nullptr) return _mm512_setzero_si512();
  const auto mask = static_cast<__mmask16>(First(std::min<int64_t>(head_dim - i, 16)));
  return _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, row + i));
}

// Tiles of 32 keys and 16 dimensions: [pair of keys][dimension]. Returns whether all values are finite.
W8A16_TARGET bool PackValueTiles(const uint16_t* values, int64_t stride, int64_t head_dim, int64_t count,
                                 const Sizes& sizes, uint16_t* out) {
  bool finite = true;
  const int64_t column_stride = sizes.keys * Tile::kColumns;
  for (int64_t key = 0; key < sizes.keys; key += 2) {
    const uint16_t* rows[2] = {nullptr, nullptr};
    for (int64_t r = 0; r < 2 && key + r < count; ++r) {
      const uint16_t* row = values + (key + r) * stride;
      if (IsFinite(row, head_dim)) {
        rows[r] = row;
      } else {
        finite = false;
      }
    }
    uint16_t* tile = out + key * Tile::kColumns;
    for (int64_t i = 0; i < sizes.width; i += Tile::kColumns, tile += column_stride) {
      const __m512i odd = _mm512_slli_epi32(ValuesOf(rows[1], head_dim, i), 16);
      _mm512_store_si512(tile, _mm512_or_si512(ValuesOf(rows[0], head_dim, i), odd));
    }
  }
  return finite;
}

W8A16_TARGET void Pack(const void* keys, const void* values, int64_t kv_stride, int64_t head_dim, PackedKeys& packed) {
  const int64_t count = packed.end - packed.begin;
  const Sizes sizes(count, head_dim);
  const int64_t first = packed.begin * kv_stride;
  auto* out = reinterpret_cast<uint16_t*>(packed.data);
  PackKeyTiles(static_cast<const uint16_t*>(keys) + first, kv_stride, head_dim, count, sizes, out);
  packed.finite = PackValueTiles(static_cast<const uint16_t*>(values) + first, kv_stride, head_dim, count, sizes,
                                 out + sizes.KeyElements());
}

// 32 numbers as high and low parts: x = high + low to 16 bits.
W8A16_TARGET void Split(__m512 first, __m512 second, uint16_t* out) {
  const auto high = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second, first));
  const __m512 first_rest = _mm512_sub_ps(first, avx512::FromBF16(_mm512_castsi512_si256(high)));
  const __m512 second_rest = _mm512_sub_ps(second, avx512::FromBF16(_mm512_extracti64x4_epi64(high, 1)));
  const auto low = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second_rest, first_rest));
  _mm512_storeu_si512(out, high);
  _mm512_storeu_si512(out + Tile::kDepth, low);
}

// Numbers [begin, end) of a row of n, a multiple of 32; zeros for the others. `out` may be `row`: what 32 floats leave
// are their 64 parts.
W8A16_TARGET void SplitRow(const float* row, int64_t begin, int64_t end, int64_t n, uint16_t* out) {
  for (int64_t i = 0; i < n; i += Tile::kDepth) {
    const __mmask32 seen = First(end - i) & ~First(begin - i);
    const __m512 first = _mm512_maskz_loadu_ps(static_cast<__mmask16>(seen), row + i);
    const __m512 second = _mm512_maskz_loadu_ps(static_cast<__mmask16>(seen >> 16), row + i + 16);
    Split(first, second, out + 2 * i);
  }
}

// One block of queries at work.
class Block {
 public:
  Block(Bf16ProductFn product, const AttentionArgs& args, const PackedKeys& packed)
      : product_(product),
        args_(args),
        packed_(packed),
        sizes_(packed.end - packed.begin, args.head_dim),
        rows_(RoundUp(args.queries, Tile::kRows)),
        seen_(RoundUp(args.first_position + args.queries - packed.begin, Tile::kDepth)),
        out_(args.scratch),
        scores_(out_ + rows_ * sizes_.width),
        q_(reinterpret_cast<uint16_t*>(scores_ + rows_ * sizes_.keys)) {}

  W8A16_TARGET void Run() {
    Scores();
    Weights();
    WeightedValues();
    for (int64_t row = 0; row < args_.queries; ++row) Store(row);
  }

 private:
  int64_t Begin(int64_t query) const { return FirstKey(args_.first_position + query, args_.window); }
  int64_t End(int64_t query) const { return args_.first_position + query + 1; }
  float* ScoresOf(int64_t row) const { return scores_ + row * sizes_.keys; }
  uint16_t* WeightsOf(int64_t row) const { return reinterpret_cast<uint16_t*>(ScoresOf(row)); }

  W8A16_TARGET void Scores() {
    const int64_t q_stride = 2 * sizes_.depth;
    for (int64_t row = 0; row < rows_; ++row) {
      const bool there = row < args_.queries;
      SplitRow(args_.q + (there ? row * args_.q_stride : 0), 0, there ? args_.head_dim : 0, sizes_.depth,
               q_ + row * q_stride);
    }
    product_({.a = q_,
              .a_stride = q_stride,
              .rows = rows_,
              .b = reinterpret_cast<const uint16_t*>(packed_.data),
              .b_stride = sizes_.depth * Tile::kColumns,
              .k_tiles = sizes_.depth / Tile::kDepth,
              .column_tiles = seen_ / Tile::kColumns,
              .c = scores_,
              .c_stride = sizes_.keys});
  }

  // Scores become the two parts of exp(score - largest score), zero for keys that a query does not see.
  W8A16_TARGET void Weights() {
    const FloatKernels& floats = FloatKernelsFor(Isa::kAvx512);
    for (int64_t row = 0; row < rows_; ++row) {
      int64_t begin = 0;
      int64_t end = 0;
      if (row < args_.queries) {
        begin = Begin(row) - packed_.begin;
        end = End(row) - packed_.begin;
        totals_[row] = floats.softmax(args_, ScoresOf(row) + begin, Begin(row), end - begin);
      }
      SplitRow(ScoresOf(row), begin, end, seen_, WeightsOf(row));
    }
  }

  W8A16_TARGET void WeightedValues() {
    product_({.a = WeightsOf(0),
              .a_stride = 2 * sizes_.keys,
              .rows = rows_,
              .b = reinterpret_cast<const uint16_t*>(packed_.data) + sizes_.KeyElements(),
              .b_stride = sizes_.keys * Tile::kColumns,
              .k_tiles = seen_ / Tile::kDepth,
              .column_tiles = sizes_.width / Tile::kColumns,
              .c = out_,
              .c_stride = sizes_.width});
    if (!packed_.finite) AddNonFinite();
  }

  // The keys that the packed values left out.
  W8A16_TARGET void AddNonFinite() {
    for (int64_t key = packed_.begin; key < End(args_.queries - 1); ++key) {
      const auto* values = static_cast<const uint16_t*>(args_.values) + key * args_.kv_stride;
      if (IsFinite(values, args_.head_dim)) continue;
      for (int64_t row = 0; row < args_.queries; ++row) {
        if (key < Begin(row) || key >= End(row)) continue;
        const int64_t at = key - packed_.begin;
        const uint16_t* parts = WeightsOf(row) + at / Tile::kDepth * 2 * Tile::kDepth + at % Tile::kDepth;
        const float weight = BF16ToFloat(parts[0]) + BF16ToFloat(parts[Tile::kDepth]);
        for (int64_t i = 0; i < args_.head_dim; ++i) out_[row * sizes_.width + i] += weight * BF16ToFloat(values[i]);
      }
    }
  }

  W8A16_TARGET void Store(int64_t row) const {
    const __m512 total = _mm512_set1_ps(totals_[row]);
    const auto element = static_cast<int64_t>(DTypeSize(args_.out_dtype));
    auto* out = static_cast<std::byte*>(args_.out) + row * args_.out_stride * element;
    for (int64_t i = 0; i < args_.head_dim; i += 16) {
      const __m512 sums = _mm512_load_ps(out_ + row * sizes_.width + i);
      avx512::StoreFloats(out + i * element, args_.out_dtype, std::min<int64_t>(args_.head_dim - i, 16),
                          _mm512_div_ps(sums, total));
    }
  }

  Bf16ProductFn product_;
  const AttentionArgs& args_;
  const PackedKeys& packed_;
  Sizes sizes_;
  int64_t rows_;
  int64_t seen_;   // keys from the first packed one to the last that any query sees, rounded up
  float* out_;     // [rows, width]
  float* scores_;  // [rows, keys]
  uint16_t* q_;    // [rows, 2 depth]
  float totals_[kBlockQueries];
};

W8A16_TARGET void Attend(Bf16ProductFn product, const AttentionArgs& args, const PackedKeys& packed) {
  AttentionArgs block = args;
  for (int64_t first = 0; first < args.queries; first += kBlockQueries) {
    block.q = args.q + first * args.q_stride;
    block.queries = std::min(kBlockQueries, args.queries - first);
    block.first_position = args.first_position + first;
    block.out =
        static_cast<std::byte*>(args.out) + static_cast<size_t>(first * args.out_stride) * DTypeSize(args.out_dtype);
    Block(product, block, packed).Run();
  }
}

}  // namespace

const BlockAttention* BlockAttentionFor(Isa isa) {
  static const BlockAttention amx = {Pack, Attend, AmxBf16Product()};
  static const BlockAttention avx512 = {Pack, Attend, Avx512Bf16Product()};
  if (isa == Isa::kAmx && HasAvx512Bf16() && HasAmxBf16()) return &amx;
  return (isa == Isa::kAmx || isa == Isa::kAvx512Vnni) && HasAvx512Bf16() ? &avx512 : nullptr;
}

#else

const BlockAttention* BlockAttentionFor(Isa /*isa*/) { return nullptr; }

#endif

}  // namespace w8a16
