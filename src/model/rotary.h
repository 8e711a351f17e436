#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "arch/rope.h"
#include "model/pass.h"

namespace w8a16 {

/// Cosines and sines of consecutive positions.
class RotaryTable {
 public:
  /// Makes positions [0, positions) available, keeping what is there: `frequencies` are the same in every call.
  void Extend(const std::vector<float>& frequencies, float factor, int64_t positions);
  /// Holds positions [first, first + count) by other frequencies than before.
  void Replace(const std::vector<float>& frequencies, float factor, int64_t first, int64_t count);

  /// [rotary_dim / 2] of a position that is held.
  const float* Cos(int64_t position) const { return cos_.data() + (position - first_) * pairs_; }
  const float* Sin(int64_t position) const { return sin_.data() + (position - first_) * pairs_; }

 private:
  void Append(const std::vector<float>& frequencies, float factor, int64_t count);

  int64_t first_ = 0;
  int64_t count_ = 0;
  int64_t pairs_ = 0;
  std::vector<float> cos_;
  std::vector<float> sin_;
};

/// A rotary embedding for the tokens of a pass.
class Rotary {
 public:
  explicit Rotary(RopeSpec spec) : spec_(std::move(spec)) {}

  const RopeSpec& spec() const { return spec_; }
  /// True where keys that were turned when the text had `length` positions are wrong for a text of `positions`.
  bool Outdates(int64_t length, int64_t positions) const;
  /// Makes the new tokens' positions available.
  void Prepare(std::span<const Sequence> sequences);
  /// For tokens of sequence number `sequence` of those prepared last.
  const RotaryTable& Table(size_t sequence) const;

 private:
  enum class Choice : uint8_t { kUsual, kLong, kOwn };
  Choice Choose(int64_t positions) const;

  RopeSpec spec_;
  RotaryTable usual_;
  RotaryTable long_;
  std::vector<RotaryTable> own_;  // one for each sequence, of dynamic frequencies
  std::vector<float> own_frequencies_;
  std::vector<Choice> choices_;
};

}  // namespace w8a16
