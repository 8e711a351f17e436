#include "model/rotary.h"

#include <algorithm>
#include <cmath>

namespace w8a16 {

void RotaryTable::Append(const std::vector<float>& frequencies, float factor, int64_t count) {
  pairs_ = static_cast<int64_t>(frequencies.size());
  for (int64_t position = first_ + count_; position < first_ + count_ + count; ++position) {
    for (float frequency : frequencies) {
      // The angle is a float32 product, as in transformers, so that far positions turn by the same angle there and
      // here.
      const float angle = static_cast<float>(position) * frequency;
      cos_.push_back(static_cast<float>(std::cos(static_cast<double>(angle))) * factor);
      sin_.push_back(static_cast<float>(std::sin(static_cast<double>(angle))) * factor);
    }
  }
  count_ += count;
}

void RotaryTable::Extend(const std::vector<float>& frequencies, float factor, int64_t positions) {
  if (positions <= count_) return;
  Append(frequencies, factor, std::max({positions, 2 * count_, int64_t{64}}) - count_);
}

void RotaryTable::Replace(const std::vector<float>& frequencies, float factor, int64_t first, int64_t count) {
  cos_.clear();
  sin_.clear();
  first_ = first;
  count_ = 0;
  Append(frequencies, factor, count);
}

Rotary::Choice Rotary::Choose(int64_t positions) const {
  if (spec_.length == RopeLength::kFixed || positions <= spec_.original_positions) return Choice::kUsual;
  return spec_.length == RopeLength::kSwitch ? Choice::kLong : Choice::kOwn;
}

bool Rotary::Outdates(int64_t length, int64_t positions) const {
  return spec_.length == RopeLength::kSwitch && Choose(length) != Choose(positions);
}

void Rotary::Prepare(std::span<const Sequence> sequences) {
  choices_.resize(sequences.size());
  if (own_.size() < sequences.size()) own_.resize(sequences.size());
  for (size_t i = 0; i < sequences.size(); ++i) {
    const Sequence& sequence = sequences[i];
    const auto count = static_cast<int64_t>(sequence.ids.size());
    choices_[i] = Choose(sequence.positions);
    if (choices_[i] == Choice::kUsual) {
      usual_.Extend(spec_.frequencies, spec_.attention_factor, sequence.first + count);
    } else if (choices_[i] == Choice::kLong) {
      long_.Extend(spec_.long_frequencies, spec_.attention_factor, sequence.first + count);
    } else {
      own_frequencies_.resize(spec_.frequencies.size());
      spec_.DynamicFrequencies(sequence.positions, own_frequencies_);
      own_[i].Replace(own_frequencies_, spec_.attention_factor, sequence.first, count);
    }
  }
}

const RotaryTable& Rotary::Table(size_t sequence) const {
  switch (choices_[sequence]) {
    case Choice::kLong:
      return long_;
    case Choice::kOwn:
      return own_[sequence];
    case Choice::kUsual:
      break;
  }
  return usual_;
}

}  // namespace w8a16
