#pragma once

#include "base/isa.h"
#include "kernels/block_attention.h"
#include "kernels/float_kernels.h"
#include "kernels/linear_kernel.h"

namespace w8a16 {

/// Everything one instruction set brings. An entry may reuse a table of a simpler instruction set.
struct KernelTable {
  Isa isa;
  const LinearKernel* linear;
  MeasureRowsFn measure_rows;
  const FloatKernels* floats;
  const BlockAttention* block_attention;  ///< null where the processor has nothing for it
};

/// The table of an available instruction set.
const KernelTable& Kernels(Isa isa);

/// The table of ActiveIsa().
const KernelTable& ActiveKernels();

/// The first table, from ActiveIsa() on down the list of available ones, whose linear kernel takes rows of length k.
/// `ref` takes all.
const KernelTable& KernelsForLinear(int64_t k);

}  // namespace w8a16
