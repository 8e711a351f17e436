#pragma once

// The Highway targets that have a table of their own; include before hwy/foreach_target.h.
//
// The static target is the least of them: on x86 instead of Highway's scalar fallback, which would be compiled for
// nothing (plain code has a table of its own); on Arm whatever the compiler may use everywhere. The project is still
// built for the baseline: Highway turns instruction sets on around target namespaces only, and tables are chosen after
// the processor was asked.

#include "hwy/detect_compiler_arch.h"

#if HWY_ARCH_X86
#define HWY_BASELINE_TARGETS HWY_SSE4
#elif HWY_ARCH_ARM_A64
#define HWY_BASELINE_TARGETS HWY_NEON
#endif
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE_256 | HWY_SVE2 | HWY_SVE2_128)
