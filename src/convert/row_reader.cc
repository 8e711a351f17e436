#include "convert/row_reader.h"

#include <algorithm>

#include "base/parallel.h"

namespace w8a16 {
namespace {

// Columns are picked from this much of the file at a time, whose pages are then given back.
constexpr int64_t kGatherBytes = int64_t{16} << 20;

template <class T>
void Transpose(const T* from, int64_t rows, int64_t from_stride, int64_t columns, T* to, int64_t to_stride) {
  // In squares that stay in the first cache, both ways.
  constexpr int64_t kSquare = 32;
  ParallelFor(columns, kSquare, kSquare, [&](int64_t begin, int64_t end) {
    for (int64_t r0 = 0; r0 < rows; r0 += kSquare) {
      for (int64_t c0 = begin; c0 < end; c0 += kSquare) {
        for (int64_t c = c0; c < std::min(c0 + kSquare, end); ++c) {
          for (int64_t r = r0; r < std::min(r0 + kSquare, rows); ++r) to[c * to_stride + r] = from[r * from_stride + c];
        }
      }
    }
  });
}

}  // namespace

const std::byte* RowReader::Read(int64_t first, int64_t count) {
  if (source_.transposed) return Gather(first, count);
  const auto bytes = static_cast<uint64_t>(count * source_.row_bytes);
  const auto offset = static_cast<uint64_t>(first * source_.row_bytes);
  checkpoint_.Prefetch(source_.tensor, offset + bytes, bytes);
  const std::byte* data = source_.data + offset;
  // Files whose header does not end at a multiple of 8 bytes exist; arithmetic wants aligned elements.
  if (reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(source_.element) == 0) return data;
  buffer_.assign(data, data + bytes);
  return buffer_.data();
}

const std::byte* RowReader::Gather(int64_t first, int64_t count) {
  buffer_.resize(static_cast<size_t>(count * source_.ReadRowBytes()));
  const int64_t step = std::max<int64_t>(1, kGatherBytes / source_.row_bytes);
  std::vector<std::byte> aligned;
  for (int64_t row = 0; row < source_.rows; row += step) {
    const int64_t rows = std::min(step, source_.rows - row);
    const auto offset = static_cast<uint64_t>(row * source_.row_bytes);
    const auto bytes = static_cast<uint64_t>(rows * source_.row_bytes);
    checkpoint_.Prefetch(source_.tensor, offset + bytes, bytes);
    const std::byte* from = source_.data + offset;
    if (reinterpret_cast<uintptr_t>(from) % static_cast<uintptr_t>(source_.element) != 0) {
      aligned.assign(from, from + bytes);
      from = aligned.data();
    }
    const auto transpose = [&](auto zero) {
      using T = decltype(zero);
      Transpose(reinterpret_cast<const T*>(from) + first, rows, source_.row_bytes / source_.element, count,
                reinterpret_cast<T*>(buffer_.data()) + row, source_.rows);
    };
    if (source_.element == 1) transpose(uint8_t{0});
    if (source_.element == 2) transpose(uint16_t{0});
    if (source_.element == 4) transpose(uint32_t{0});
    checkpoint_.Release(source_.tensor, offset, bytes);
  }
  return buffer_.data();
}

void RowReader::Done(int64_t first, int64_t count) const {
  if (source_.transposed) return;  // given back as they were gathered
  checkpoint_.Release(source_.tensor, static_cast<uint64_t>(first * source_.row_bytes),
                      static_cast<uint64_t>(count * source_.row_bytes));
}

}  // namespace w8a16
