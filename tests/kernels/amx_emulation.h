#pragma once

#include "kernels/bf16_product.h"
#include "kernels/linear_kernel.h"

namespace w8a16::testing {

/// The AMX kernel with its tile instructions computed by plain code, so that its packing, blocking and rounding are
/// tested on machines without AMX. Null where there is no AVX-512 VNNI, which the rest of the kernel needs.
const LinearKernel* EmulatedAmxKernel();

/// The same of its products of bf16 numbers. Null where the project is built for another processor family.
Bf16ProductFn EmulatedAmxBf16Product();

}  // namespace w8a16::testing
