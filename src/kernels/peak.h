#pragma once

#include "base/isa.h"

namespace w8a16 {

/// Multiplications with additions x*w per second that one thread of this machine can do at best in a W8A16 layer with
/// two digits for each x: a loop over operands in registers and L1 of the very instructions that the kernels of `isa`
/// are made of. An 8-bit product instruction counts half, because a two-digit x takes two. Runs for about `seconds` and
/// takes the best of several slices.
double PeakMultiplyAdds(Isa isa, double seconds);

}  // namespace w8a16
