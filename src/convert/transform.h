#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "convert/plan.h"
#include "convert/row_reader.h"
#include "w8a16/error.h"

namespace w8a16 {

/// A source that cannot be converted, however often one tries: a weight that is not finite, say.
class UnusableSource : public Error {
 public:
  using Error::Error;
};

/// Makes the tensors of one step, a block of rows at a time. The bytes do not depend on how the rows are cut into
/// blocks, nor on the number of threads.
class BlockTransform {
 public:
  virtual ~BlockTransform() = default;
  /// Makes rows [first, first + count) of the step's first tensor, on all threads. Throws UnusableSource.
  virtual void Rows(const std::byte* in, int64_t first, int64_t count, std::byte* out) = 0;
  /// The bytes of the step's other tensors, once all rows are made.
  virtual std::vector<std::vector<std::byte>> Rest() { return {}; }
  /// What the report says about it, once all rows are made.
  virtual std::optional<ConvertedLayer> Layer() const { return std::nullopt; }
};

/// A step ready to run.
struct StepWork {
  SourceRows rows;            ///< what Rows reads
  int64_t row_bytes_out = 0;  ///< what it writes
  std::unique_ptr<BlockTransform> transform;
};

/// Not for kDrop.
StepWork PrepareStep(const Checkpoint& checkpoint, const ConvertStep& step);

}  // namespace w8a16
