#pragma once

#include "base/isa.h"
#include "kernels/block_attention.h"
#include "kernels/float_kernels.h"
#include "kernels/linear_kernel.h"

namespace w8a16 {

inline constexpr int64_t kFewRows = 5;

/// Everything one instruction set brings. An entry may reuse a table of a simpler instruction set.
struct KernelTable {
  Isa isa;
  const LinearKernel* linear;
  /// For 2 to kFewRows rows of mostly two digits: null where `linear` is as fast.
  const LinearKernel* few_rows_linear;
  MeasureRowsFn measure_rows;
  const FloatKernels* floats;
  const BlockAttention* block_attention;  ///< null where the processor has nothing for it

  /// `digits` as MeasureRowsFn takes it.
  const LinearKernel& LinearFor(int64_t rows, int32_t digits) const {
    const bool few = rows > 1 && rows <= kFewRows && digits == 2;
    return few && few_rows_linear != nullptr ? *few_rows_linear : *linear;
  }
};

/// The table of an available instruction set.
const KernelTable& Kernels(Isa isa);

/// The table of ActiveIsa().
const KernelTable& ActiveKernels();

/// The first table, from ActiveIsa() on down the list of available ones, whose linear kernel takes rows of length k.
/// `ref` takes all.
const KernelTable& KernelsForLinear(int64_t k);

}  // namespace w8a16
