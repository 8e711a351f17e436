#pragma once

#include "kernels/linear_kernel.h"

namespace w8a16 {

/// The definition of W8A16 in plain C++, one sum after another: what every other kernel must equal bit for bit.
extern const LinearKernel kLinearRef;
void MeasureRowsRef(ConstMatrix x, int32_t digits, int64_t m_begin, int64_t m_end, RowScale* rows);

}  // namespace w8a16
