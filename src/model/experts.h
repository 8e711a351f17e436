#pragma once

#include <cstdint>
#include <vector>

#include "base/aligned_buffer.h"
#include "model/mlp.h"
#include "model/pass.h"

namespace w8a16 {

/// Experts in place of the MLP, with their scratch memory.
class Experts {
 public:
  /// y (float32) = the sum of what the experts chosen for each row of x give, times their probabilities. The rows of an
  /// expert are worked on together; a row's sum has one order, whatever the other rows choose.
  void Run(const Pass& pass, const ExpertsWeights& weights, ConstMatrix x, const Matrix& y);

 private:
  struct Choice {
    int64_t row;
    float probability;
  };

  void Choose(const Pass& pass, const ExpertsWeights& weights, ConstMatrix x);
  void RunExpert(const Pass& pass, const MlpWeights& weights, const Choice* choices, int64_t count, ConstMatrix x,
                 const Matrix& y);
  void RunShared(const Pass& pass, const ExpertsWeights& weights, ConstMatrix x, const Matrix& y);

  Mlp mlp_;
  AlignedBuffer probabilities_;        // f32 [rows, experts]
  AlignedBuffer gathered_;             // dtype [rows, hidden]
  AlignedBuffer results_;              // dtype [rows, hidden]
  std::vector<int32_t> chosen_;        // [rows, per_token]
  std::vector<int64_t> first_choice_;  // [experts + 1], in choices_
  std::vector<Choice> choices_;        // sorted by expert, then row
};

}  // namespace w8a16
