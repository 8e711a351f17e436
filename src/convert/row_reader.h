#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "w8a16/checkpoint.h"

namespace w8a16 {

/// A tensor of the source seen as a matrix.
struct SourceRows {
  std::string tensor;
  const std::byte* data = nullptr;
  int64_t rows = 0;         ///< as they lie in the file
  int64_t columns = 0;      ///< elements of a row that count
  int64_t element = 1;      ///< bytes of one
  int64_t row_bytes = 0;    ///< from row to row in the file
  bool transposed = false;  ///< what is read are its columns

  int64_t ReadRows() const { return transposed ? columns : rows; }
  int64_t ReadRowBytes() const { return transposed ? rows * element : row_bytes; }
};

/// Reads such a matrix block by block: the pages of a block are given back when it is done, and the disk is asked for
/// what follows while a block is worked on.
class RowReader {
 public:
  RowReader(const Checkpoint& checkpoint, const SourceRows& source) : checkpoint_(checkpoint), source_(source) {}

  /// Rows [first, first + count), aligned to their elements, ReadRowBytes() apart; valid until the next call.
  const std::byte* Read(int64_t first, int64_t count);
  /// Rows [first, first + count) are not needed any more.
  void Done(int64_t first, int64_t count) const;

 private:
  const std::byte* Gather(int64_t first, int64_t count);

  const Checkpoint& checkpoint_;
  const SourceRows source_;
  std::vector<std::byte> buffer_;
};

}  // namespace w8a16
