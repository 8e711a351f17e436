#pragma once

#include <cstdint>

namespace w8a16 {

/// What this machine can do at best with MaxThreads() threads, measured in the same run as what is compared with it.
struct MachineLimits {
  double read_bytes_per_second = 0;  ///< all threads reading a buffer far larger than the caches
  double flops_per_second = 0;  ///< two for each x*w of two digits, with the instructions of the active instruction set
};

/// Takes about a second, and memory of eight times the last-level cache (512 MB to 2 GB) while it runs.
MachineLimits MeasureMachine();

}  // namespace w8a16
