#pragma once

#include "kernels/linear_kernel.h"

namespace w8a16 {

/// The kernel that multiplies bytes of weights with digits of x by Arm's `sdot`, for processors with FEAT_DotProd; null
/// where it is not built.
const LinearKernel* LinearNeonDot();

}  // namespace w8a16
