// W8A16 on AMX int8 tiles. Weights are the first operand, read by strided tile loads as they lie in memory; the digits
// of x are the second, packed once per call. Sums stay in tiles over the whole of K.
//
// Digits of 16 rows of x form a group with one tile column for each row and a tile of its own for each digit, so that
// digits are combined without a shuffle. A call with few rows (at most 16 digit rows in all, decoding) uses one tile
// for all digits of all rows instead: one tile product for each KB of weights, several times faster than memory
// delivers them.

#include "kernels/linear_amx.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "kernels/amx_tiles-inl.h"
#include "kernels/avx512-inl.h"

#define W8A16_TARGET __attribute__((target("amx-tile,amx-int8,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))

namespace w8a16 {
namespace {

constexpr int64_t kTileRows = 16;                   // outputs of one weight tile; rows of x of one group
constexpr int64_t kTileK = 64;                      // bytes of K of one tile
constexpr int64_t kTileBytes = kTileRows * kTileK;  // of a digit tile: [16 quads of K][16 rows of x][4]
constexpr int64_t kMaxDigits = 3;
// Rows of x whose digits stay in the second-level cache while all weights pass by: 128 rows of two digits at K = 4096
// are 1 MB of its 2 MB.
constexpr int64_t kRowsPerBlock = 128;

int64_t KBlocks(int64_t k) { return (k + kTileK - 1) / kTileK; }

// What stands before the digits of a group.
struct alignas(64) GroupHeader {
  int64_t tiles;                                    // for each block of 64 k
  alignas(64) int32_t sums[kMaxDigits][kTileRows];  // of the digits of each column
};
// After the header come, for each block of 64 k, the digit tiles one after another.
int64_t GroupBytes(int64_t k) {
  return static_cast<int64_t>(sizeof(GroupHeader)) + KBlocks(k) * kMaxDigits * kTileBytes;
}

// Tiles that rows [0, count) need for each block of k: one where all their digits find room in its columns and there
// are no other rows, else as many as any of them has digits.
int64_t GroupTiles(const RowScale* rows, int64_t count, bool alone) {
  int32_t digit_rows = 0;
  int32_t digits = 2;
  for (int64_t i = 0; i < count; ++i) {
    digit_rows += rows[i].digits;
    digits = std::max(digits, rows[i].digits);
  }
  return alone && digit_rows <= kTileRows ? 1 : digits;
}

const char* Declines(int64_t k) {
  return k > kMaxDigitSumLength ? "rows longer than 65536 overflow the 32-bit sums of a tile" : nullptr;
}

size_t PackedBytes(int64_t m, int64_t k) {
  return static_cast<size_t>((m + kTileRows - 1) / kTileRows * GroupBytes(k));
}

// Packs one group: rows [first, first + count) of x.
W8A16_TARGET void PackGroup(ConstMatrix x, const RowScale* rows, int64_t first, int64_t count, std::byte* group) {
  const int64_t k = x.cols;
  const int64_t tiles = GroupTiles(rows + first, count, count == x.rows);
  GroupHeader header = {.tiles = tiles, .sums = {}};
  auto* out = reinterpret_cast<int8_t*>(group + sizeof(header));
  __m512i lanes[kMaxDigits][kTileRows];
  for (auto& tile : lanes) {
    for (__m512i& lane : tile) lane = _mm512_setzero_si512();
  }
  for (int64_t begin = 0; begin < k; begin += kTileK, out += tiles * kTileBytes) {
    for (int64_t i = 0; i < count; ++i) {
      const RowScale& row = rows[first + i];
      if (row.digits == 0) continue;
      __m512i digits[kMaxDigits];
      avx512::SplitDigits(x.Row(first + i), x.dtype, begin, std::min(kTileK, k - begin), row, digits);
      for (int32_t d = 0; d < row.digits; ++d) {
        const int64_t tile = tiles == 1 ? 0 : d;
        const int64_t lane = tiles == 1 ? row.first_part + d : i;
        lanes[tile][lane] = digits[d];
        const __m512i sum = _mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_set1_epi8(1), digits[d]);
        header.sums[tile][lane] += _mm512_reduce_add_epi32(sum);
      }
    }
    for (int64_t tile = 0; tile < tiles; ++tile) {
      __m512i transposed[kTileRows];
      for (int64_t i = 0; i < kTileRows; ++i) transposed[i] = lanes[tile][i];
      avx512::Transpose16x16(transposed);
      for (int64_t i = 0; i < kTileRows; ++i) _mm512_store_si512(out + tile * kTileBytes + i * 64, transposed[i]);
    }
  }
  std::memcpy(group, &header, sizeof(header));
}

void Pack(ConstMatrix x, const RowScale* rows, int64_t m_begin, int64_t m_end, std::byte* packed) {
  for (int64_t first = m_begin; first < m_end; first += kTileRows) {
    PackGroup(x, rows, first, std::min(kTileRows, m_end - first), packed + first / kTileRows * GroupBytes(x.cols));
  }
}

#define W8A16_DOT(sum, weights, digits)   \
  do {                                    \
    if constexpr (kFlipped) {             \
      _tile_dpbusd(sum, weights, digits); \
    } else {                              \
      _tile_dpbssd(sum, weights, digits); \
    }                                     \
  } while (false)

// One block of 64 k: 16 rows of weights at w, and with kPair the 16 after them, times kDigits tiles of digits at d.
// One or two digits: sums in 0 to 3, weights in 4 and 5, digits in 6 and 7. Three: sums in 0 to 5, weights in 6, digits
// in 7; some tiles are loaded twice, which the 16 cycles of each product hide.
template <int kDigits, bool kPair, bool kFlipped>
W8A16_TARGET inline __attribute__((always_inline)) void Step(const uint8_t* w, int64_t stride, const std::byte* d) {
  const uint8_t* w2 = w + kTileRows * stride;
  if constexpr (kDigits == 3) {
    _tile_loadd(6, w, stride);
    _tile_loadd(7, d, 64);
    W8A16_DOT(0, 6, 7);
    if constexpr (!kPair) {
      _tile_loadd(7, d + kTileBytes, 64);
      W8A16_DOT(1, 6, 7);
      _tile_loadd(7, d + 2 * kTileBytes, 64);
      W8A16_DOT(2, 6, 7);
    } else {
      _tile_loadd(6, w2, stride);
      W8A16_DOT(3, 6, 7);
      _tile_loadd(7, d + kTileBytes, 64);
      W8A16_DOT(4, 6, 7);
      _tile_loadd(6, w, stride);
      W8A16_DOT(1, 6, 7);
      _tile_loadd(7, d + 2 * kTileBytes, 64);
      W8A16_DOT(2, 6, 7);
      _tile_loadd(6, w2, stride);
      W8A16_DOT(5, 6, 7);
    }
  } else {
    _tile_loadd(4, w, stride);
    _tile_loadd(6, d, 64);
    W8A16_DOT(0, 4, 6);
    if constexpr (kDigits == 2) {
      _tile_loadd(7, d + kTileBytes, 64);
      W8A16_DOT(1, 4, 7);
    }
    if constexpr (kPair) {
      _tile_loadd(5, w2, stride);
      W8A16_DOT(2, 5, 6);
      if constexpr (kDigits == 2) W8A16_DOT(3, 5, 7);
    }
  }
}

#undef W8A16_DOT

using Sums = int32_t[kMaxDigits][kTileRows][kTileRows];  // [digit][output][row of x]

template <int kDigits, bool kPair>
W8A16_TARGET inline __attribute__((always_inline)) void StoreSums(Sums* sums) {
  Sums& a = sums[0];
  Sums& b = sums[1];
  _tile_stored(0, a[0], 64);
  if constexpr (kDigits == 3) {
    _tile_stored(1, a[1], 64);
    _tile_stored(2, a[2], 64);
    if constexpr (kPair) {
      _tile_stored(3, b[0], 64);
      _tile_stored(4, b[1], 64);
      _tile_stored(5, b[2], 64);
    }
  } else {
    if constexpr (kDigits == 2) _tile_stored(1, a[1], 64);
    if constexpr (kPair) {
      _tile_stored(2, b[0], 64);
      if constexpr (kDigits == 2) _tile_stored(3, b[1], 64);
    }
  }
}

// Weights of up to 32 outputs. The last columns, where k is no multiple of 64, are read from a copy padded with zeros:
// behind the last row there may be nothing to read.
struct WeightBlock {
  const uint8_t* rows;
  int64_t stride;
  int64_t whole_k_blocks;
  bool has_tail;
  alignas(64) uint8_t tail[2 * kTileRows][kTileK];

  void Set(const MultiplyArgs& args, int64_t n, int64_t outputs) {
    rows = args.weights + n * args.weight_stride;
    stride = args.weight_stride;
    whole_k_blocks = args.k / kTileK;
    const int64_t rest = args.k % kTileK;
    has_tail = rest != 0;
    if (!has_tail) return;
    for (int64_t i = 0; i < outputs; ++i) {
      std::memset(tail[i], 0, kTileK);
      std::memcpy(tail[i], rows + i * stride + whole_k_blocks * kTileK, static_cast<size_t>(rest));
    }
  }
};

template <int kDigits, bool kPair, bool kFlipped>
W8A16_TARGET void Product(const WeightBlock& w, const std::byte* digits, Sums* sums) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  if constexpr (kDigits == 3) {
    _tile_zero(4);
    _tile_zero(5);
  }
  for (int64_t block = 0; block < w.whole_k_blocks; ++block, digits += kDigits * kTileBytes) {
    Step<kDigits, kPair, kFlipped>(w.rows + block * kTileK, w.stride, digits);
  }
  if (w.has_tail) Step<kDigits, kPair, kFlipped>(w.tail[0], kTileK, digits);
  StoreSums<kDigits, kPair>(sums);
}

// Which rows of x a group holds, and where its packed digits are.
struct Group {
  const RowScale* rows;  // of its first row
  int64_t first;
  int64_t count;
  const GroupHeader* header;

  const std::byte* Digits() const { return reinterpret_cast<const std::byte*>(header + 1); }
};

// y for `outputs` outputs from n on and all rows of a group whose digits have tiles of their own.
template <int kDigits>
W8A16_TARGET void Finish(const MultiplyArgs& args, const Group& group, Sums& sums, int64_t n, int64_t outputs) {
  alignas(64) float x_scale[kTileRows] = {};
  alignas(64) float post[kTileRows] = {};
  for (int64_t i = 0; i < group.count; ++i) {
    x_scale[i] = group.rows[i].scale;
    post[i] = 1.0F / group.rows[i].pre_scale;
  }
  const __m512 x_scales = _mm512_load_ps(x_scale);
  const __m512 posts = _mm512_load_ps(post);
  const __m512 zero = _mm512_set1_ps(args.bias == nullptr ? 0.0F : -0.0F);
  // Weights stored as q + 128 count each digit 128 times too often.
  __m512i correction[kDigits];
  for (int d = 0; d < kDigits; ++d) {
    correction[d] = args.encoding == Int8Encoding::kFlipped
                        ? _mm512_slli_epi32(_mm512_load_si512(group.header->sums[d]), 7)
                        : _mm512_setzero_si512();
  }
  __m512i t[kTileRows];
  for (int64_t i = 0; i < kTileRows; ++i) {
    __m512i digit_sums[kDigits];
    for (int d = 0; d < kDigits; ++d) {
      digit_sums[d] = _mm512_sub_epi32(_mm512_load_si512(sums[d][i]), correction[d]);
    }
    const __m512 scale = _mm512_set1_ps(i < outputs ? args.scales[n + i] : 0.0F);
    t[i] = _mm512_castps_si512(
        avx512::ScaleSums(avx512::CombineDigits<kDigits>(digit_sums), x_scales, scale, posts, zero));
  }
  avx512::Transpose16x16(t);
  const auto mask = static_cast<__mmask16>((1U << outputs) - 1U);
  const __m512 bias = args.bias == nullptr ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(mask, args.bias + n);
  for (int64_t i = 0; i < group.count; ++i) {
    __m512 y = _mm512_castsi512_ps(t[i]);
    if (args.bias != nullptr) y = _mm512_add_ps(y, bias);
    auto* out = static_cast<std::byte*>(args.y.Row(group.first + i)) + static_cast<size_t>(n) * DTypeSize(args.y.dtype);
    avx512::StoreFloats(out, args.y.dtype, outputs, y);
  }
}

// The same where all digits of all rows share one tile.
W8A16_TARGET void FinishOneTile(const MultiplyArgs& args, const Group& group, Sums& sums, int64_t n, int64_t outputs) {
  __m512i t[kTileRows];
  for (int64_t i = 0; i < kTileRows; ++i) t[i] = _mm512_load_si512(sums[0][i]);
  avx512::Transpose16x16(t);
  const auto mask = static_cast<__mmask16>((1U << outputs) - 1U);
  const __m512 scale = _mm512_maskz_loadu_ps(mask, args.scales + n);
  const __m512 zero = _mm512_set1_ps(args.bias == nullptr ? 0.0F : -0.0F);
  for (int64_t i = 0; i < group.count; ++i) {
    const RowScale& row = group.rows[i];
    if (row.digits == 0) continue;
    __m512i digit_sums[kMaxDigits];
    for (int32_t d = 0; d < kMaxDigits; ++d) {
      const int32_t lane = row.first_part + d;
      if (d >= row.digits) {
        digit_sums[d] = _mm512_setzero_si512();
        continue;
      }
      const int32_t correction = args.encoding == Int8Encoding::kFlipped ? group.header->sums[0][lane] * 128 : 0;
      digit_sums[d] = _mm512_sub_epi32(t[lane], _mm512_set1_epi32(correction));
    }
    __m512 y = avx512::ScaleSums(avx512::CombineDigits<kMaxDigits>(digit_sums), _mm512_set1_ps(row.scale), scale,
                                 _mm512_set1_ps(1.0F / row.pre_scale), zero);
    if (args.bias != nullptr) y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(mask, args.bias + n));
    auto* out = static_cast<std::byte*>(args.y.Row(group.first + i)) + static_cast<size_t>(n) * DTypeSize(args.y.dtype);
    avx512::StoreFloats(out, args.y.dtype, outputs, y);
  }
}

template <int kDigits, bool kPair>
W8A16_TARGET void GroupProduct(const MultiplyArgs& args, const WeightBlock& w, const Group& group, Sums* sums) {
  if (args.encoding == Int8Encoding::kFlipped) {
    Product<kDigits, kPair, true>(w, group.Digits(), sums);
  } else {
    Product<kDigits, kPair, false>(w, group.Digits(), sums);
  }
}

// `outputs` outputs from n on (32, or up to 16) for one group.
template <bool kPair>
W8A16_TARGET void Outputs(const MultiplyArgs& args, const WeightBlock& w, const Group& group, TileShapes& shapes,
                          int64_t n, int64_t outputs) {
  alignas(64) Sums sums[kPair ? 2 : 1];
  const int64_t tile_outputs = kPair ? kTileRows : outputs;
  const int64_t tiles = group.header->tiles;
  // Sums and weights, as Step numbers them.
  shapes.Set(tiles == kMaxDigits ? 7 : 6, tile_outputs);
  if (tiles == 1) {
    GroupProduct<1, kPair>(args, w, group, sums);
  } else if (tiles == 2) {
    GroupProduct<2, kPair>(args, w, group, sums);
  } else {
    GroupProduct<3, kPair>(args, w, group, sums);
  }
  for (int64_t half = 0; half < (kPair ? 2 : 1); ++half) {
    const int64_t first = n + half * kTileRows;
    if (tiles == 1) {
      FinishOneTile(args, group, sums[half], first, tile_outputs);
    } else if (tiles == 2) {
      Finish<2>(args, group, sums[half], first, tile_outputs);
    } else {
      Finish<3>(args, group, sums[half], first, tile_outputs);
    }
  }
}

W8A16_TARGET void Multiply(const MultiplyArgs& args) {
  TileShapes shapes;
  WeightBlock w;
  for (int64_t m_begin = 0; m_begin < args.m; m_begin += kRowsPerBlock) {
    const int64_t m_end = std::min(m_begin + kRowsPerBlock, args.m);
    for (int64_t n = args.n_begin; n < args.n_end;) {
      const bool pair = args.n_end - n >= 2 * kTileRows;
      const int64_t outputs = pair ? 2 * kTileRows : std::min(kTileRows, args.n_end - n);
      w.Set(args, n, outputs);
      TileMemoryBarrier();
      for (int64_t first = m_begin; first < m_end; first += kTileRows) {
        const std::byte* packed = args.packed + (args.first_row + first) / kTileRows * GroupBytes(args.k);
        const Group group = {args.rows + first, first, std::min(kTileRows, m_end - first),
                             reinterpret_cast<const GroupHeader*>(packed)};
        if (pair) {
          Outputs<true>(args, w, group, shapes, n, outputs);
        } else {
          Outputs<false>(args, w, group, shapes, n, outputs);
        }
      }
      n += outputs;
    }
  }
}

constexpr LinearKernel kKernel = {Declines, {0, 1, 2, 3}, kTileRows, PackedBytes, Pack, 2 * kTileRows, Multiply};

}  // namespace

const LinearKernel* AmxLinearKernel() { return &kKernel; }

}  // namespace w8a16

#else

namespace w8a16 {
const LinearKernel* AmxLinearKernel() { return nullptr; }
}  // namespace w8a16

#endif
