#pragma once

#include "base/isa.h"
#include "kernels/linear_kernel.h"

namespace w8a16 {

/// The kernel that multiplies weights widened to 16 bits with 16-bit parts of x (`pmaddwd` and its relatives), for
/// kSse4, kAvx2, kAvx512 and kNeon where they are built; null for others.
const LinearKernel* LinearWordsFor(Isa isa);

}  // namespace w8a16
