#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "w8a16/dtype.h"

namespace w8a16::bench {

/// y [m, n] = x [m, k] W^T, W [n, k], x and y of `dtype`.
struct Problem {
  int64_t m;
  int64_t n;
  int64_t k;
  DType dtype;
};

/// One way to compute a Problem.
struct Peer {
  std::string name;
  std::vector<DType> dtypes;
  double weight_bytes;  ///< of one weight as it lies in memory; 0: the size of the dtype
  /// Makes weights and x of its own and returns the call that is timed.
  std::function<std::function<void()>(const Problem&)> prepare;
};

/// The implementations that this program was built with, w8a16 first; all use MaxThreads() threads.
std::vector<Peer> Peers();

std::vector<Peer> W8A16Peers();
std::vector<Peer> OneDnnPeers();
std::vector<Peer> OpenBlasPeers();
std::vector<Peer> LibTorchPeers();

/// `count` numbers in [-1, 1), always the same.
std::vector<float> RandomFloats(int64_t count);
/// The same, as `dtype`.
std::vector<std::byte> RandomValues(int64_t count, DType dtype);

}  // namespace w8a16::bench
