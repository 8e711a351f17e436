#pragma once

#include "base/isa.h"
#include "kernels/linear_kernel.h"

namespace w8a16 {

/// The kernel that multiplies bytes of weights with digits of x by `vpdpbusd`, for kAvx512Vnni (512-bit vectors) and
/// kAvxVnni (256-bit vectors) where they are built; null for others.
const LinearKernel* LinearVnniFor(Isa isa);

}  // namespace w8a16
