#pragma once

#include <cstdint>
#include <vector>

#include "arch/rope.h"

namespace w8a16 {

/// Cosines and sines of rotary position embedding, computed once for each position.
class RotaryTable {
 public:
  explicit RotaryTable(RopeSpec spec) : spec_(std::move(spec)) {}

  const RopeSpec& spec() const { return spec_; }
  /// Makes positions [0, positions) available.
  void Reserve(int64_t positions);
  /// [rotary_dim / 2] of a position that was reserved.
  const float* Cos(int64_t position) const { return cos_.data() + position * spec_.rotary_dim() / 2; }
  const float* Sin(int64_t position) const { return sin_.data() + position * spec_.rotary_dim() / 2; }

 private:
  RopeSpec spec_;
  int64_t positions_ = 0;
  std::vector<float> cos_;
  std::vector<float> sin_;
};

}  // namespace w8a16
