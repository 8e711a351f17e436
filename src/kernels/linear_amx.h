#pragma once

#include "kernels/linear_kernel.h"

namespace w8a16 {

/// W8A16 on AMX int8 tiles (Sapphire Rapids and later), to be used where Isa::kAmx is available. Null where the project
/// is built for another processor family.
const LinearKernel* AmxLinearKernel();

}  // namespace w8a16
