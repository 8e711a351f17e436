#pragma once

#include "kernels/linear_kernel.h"

namespace w8a16 {

/// W8A16 on AMX int8 tiles (Sapphire Rapids and later). Only to be called where Isa::kAmx is available.
const LinearKernel& AmxLinearKernel();

}  // namespace w8a16
