#include "model/rotary.h"

#include <algorithm>
#include <cmath>

namespace w8a16 {

void RotaryTable::Reserve(int64_t positions) {
  if (positions <= positions_) return;
  const int64_t grown = std::max({positions, 2 * positions_, int64_t{64}});
  for (int64_t position = positions_; position < grown; ++position) {
    for (float frequency : spec_.inverse_frequencies) {
      // The angle is a float32 product, as in transformers, so that far positions turn by the same angle there and
      // here.
      const float angle = static_cast<float>(position) * frequency;
      cos_.push_back(static_cast<float>(std::cos(static_cast<double>(angle))) * spec_.attention_factor);
      sin_.push_back(static_cast<float>(std::sin(static_cast<double>(angle))) * spec_.attention_factor);
    }
  }
  positions_ = grown;
}

}  // namespace w8a16
