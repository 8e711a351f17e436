#pragma once

#include <cstdint>

namespace w8a16 {

/// Sets round-to-nearest-even, denormals kept, exceptions masked for the calling thread; restores what was there when
/// it ends. Callers such as PyTorch may have flush-to-zero on, which would change bits.
class DefaultFloatEnv {
 public:
  DefaultFloatEnv();
  ~DefaultFloatEnv();
  DefaultFloatEnv(const DefaultFloatEnv&) = delete;
  DefaultFloatEnv& operator=(const DefaultFloatEnv&) = delete;

 private:
  uint64_t saved_;
};

}  // namespace w8a16
