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
  /// For 2 to kFewRows rows of kBF16 or kF16: null where `linear` is as fast.
  const LinearKernel* few_rows_linear;
  MeasureRowsFn measure_rows;
  const FloatKernels* floats;
  const BlockAttention* block_attention;  ///< null where the processor has nothing for it

  const LinearKernel& LinearFor(ConstMatrix x) const {
    const bool few = x.rows > 1 && x.rows <= kFewRows && x.dtype != DType::kF32;
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
