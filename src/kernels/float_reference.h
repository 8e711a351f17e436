#pragma once

#include "kernels/float_kernels.h"

namespace w8a16 {

/// The float kernels in plain C++, sums in float64: what the vector ones are tested against, and what runs where there
/// is no table for the processor.
const FloatKernels& ReferenceFloatKernels();

}  // namespace w8a16
