#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/float_kernels.h"

namespace w8a16 {

/// First key that the query at `position` sees; a window of 0 is none.
inline int64_t FirstKey(int64_t position, int64_t window) {
  return window == 0 || position < window ? 0 : position - window + 1;
}

/// Keys that the queries of a block see, and where their scores lie in the scratch memory.
struct AttentionRange {
  explicit AttentionRange(const AttentionArgs& args)
      : first_position(args.first_position),
        window(args.window),
        base(Begin(0)),
        end(args.first_position + args.queries),
        stride(Stride(end - base)),
        scores(args.scratch + args.queries),
        sums(args.scratch) {}

  /// First key of query q, and the one past its last.
  int64_t Begin(int64_t q) const { return FirstKey(first_position + q, window); }
  int64_t End(int64_t q) const { return first_position + q + 1; }
  /// Rows of scores are written four at a time.
  static int64_t Stride(int64_t keys) { return (keys + 3) / 4 * 4; }

  int64_t first_position;
  int64_t window;
  int64_t base;    ///< first key of the first query
  int64_t end;     ///< one past the last query's last key
  int64_t stride;  ///< floats between rows of scores
  float* scores;   ///< [queries, stride], column 0 is key `base`
  float* sums;     ///< [queries]
};

}  // namespace w8a16
