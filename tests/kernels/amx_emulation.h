#pragma once

#include "kernels/linear_kernel.h"

namespace w8a16::testing {

/// The AMX kernel with its tile instructions computed by plain code, so that its packing, blocking and rounding are
/// tested on machines without AMX. Null where there is no AVX-512 VNNI, which the rest of the kernel needs.
const LinearKernel* EmulatedAmxKernel();

}  // namespace w8a16::testing
