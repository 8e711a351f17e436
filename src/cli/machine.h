#pragma once

#include <cstdint>
#include <vector>

#include "base/aligned_buffer.h"

namespace w8a16 {

/// What this machine can do at best with MaxThreads() threads, measured in the same run as what is compared with it.
struct MachineLimits {
  double read_bytes_per_second = 0;  ///< all threads reading a buffer far larger than the caches
  double flops_per_second = 0;  ///< two for each x*w of two digits, with the instructions of the active instruction set
};

/// Measures the limits in short samples, to be taken between the calls that are compared with them: the speed of a
/// machine that is shared changes from second to second. Holds memory of eight times the last-level cache (512 MB to
/// 2 GB).
class MachineProbe {
 public:
  MachineProbe();
  /// One pass over the memory and 10 ms of arithmetic.
  void Sample();
  /// The median of all samples, or of those from number `first` on. At least one must have been taken.
  MachineLimits Median(size_t first = 0) const;
  size_t samples() const { return read_.size(); }

 private:
  AlignedBuffer buffer_;
  std::vector<double> read_;
  std::vector<double> flops_;
};

/// The median of about half a second of samples.
MachineLimits MeasureMachine();

}  // namespace w8a16
