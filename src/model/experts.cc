#include "model/experts.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace w8a16 {
namespace {

void Softmax(float* x, int64_t n) {
  const float largest = *std::max_element(x, x + n);
  float sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += x[i] = std::exp(x[i] - largest);
  for (int64_t i = 0; i < n; ++i) x[i] /= sum;
}

// The `count` largest, each the first of its equals, in rising order of their numbers.
void ChooseLargest(const float* x, int64_t n, int64_t count, int32_t* chosen) {
  const auto before = [x](int32_t a, int32_t b) { return x[a] > x[b] || (x[a] == x[b] && a < b); };
  for (int32_t i = 0; i < n; ++i) {
    int64_t at = std::min<int64_t>(i, count);
    while (at > 0 && before(i, chosen[at - 1])) --at;
    if (at == count) continue;
    std::move_backward(chosen + at, chosen + std::min<int64_t>(i, count - 1), chosen + std::min<int64_t>(i + 1, count));
    chosen[at] = i;
  }
  std::sort(chosen, chosen + count);
}

}  // namespace

void Experts::Choose(const Pass& pass, const ExpertsWeights& weights, ConstMatrix x) {
  const ExpertsSpec& spec = pass.architecture.experts;
  const Matrix probabilities = MatrixIn(probabilities_, DType::kF32, x.rows, spec.count);
  weights.router.Forward(x, probabilities, pass.workspace);
  chosen_.resize(static_cast<size_t>(x.rows * spec.per_token));
  ForRows(x.rows, spec.count * spec.per_token, [&](int64_t row) {
    auto* p = static_cast<float*>(probabilities.Row(row));
    int32_t* chosen = chosen_.data() + row * spec.per_token;
    Softmax(p, spec.count);
    ChooseLargest(p, spec.count, spec.per_token, chosen);
    if (!spec.normalize) return;
    float sum = 0;
    for (int64_t i = 0; i < spec.per_token; ++i) sum += p[chosen[i]];
    for (int64_t i = 0; i < spec.per_token; ++i) p[chosen[i]] /= sum;
  });

  first_choice_.assign(static_cast<size_t>(spec.count) + 1, 0);
  for (const int32_t expert : chosen_) ++first_choice_[static_cast<size_t>(expert) + 1];
  for (size_t e = 0; e < static_cast<size_t>(spec.count); ++e) first_choice_[e + 1] += first_choice_[e];
  choices_.resize(chosen_.size());
  for (size_t i = 0; i < chosen_.size(); ++i) {
    const auto row = static_cast<int64_t>(i) / spec.per_token;
    const float probability = static_cast<const float*>(probabilities.Row(row))[chosen_[i]];
    choices_[static_cast<size_t>(first_choice_[static_cast<size_t>(chosen_[i])]++)] = {row, probability};
  }
  // Each entry has moved to where the next one began.
  std::move_backward(first_choice_.begin(), first_choice_.end() - 1, first_choice_.end());
  first_choice_[0] = 0;
}

void Experts::RunExpert(const Pass& pass, const MlpWeights& weights, const Choice* choices, int64_t count,
                        ConstMatrix x, const Matrix& y) {
  const Matrix in = MatrixIn(gathered_, x.dtype, count, x.cols);
  const size_t row_bytes = static_cast<size_t>(x.cols) * DTypeSize(x.dtype);
  ForRows(count, x.cols, [&](int64_t i) { std::memcpy(in.Row(i), x.Row(choices[i].row), row_bytes); });
  const Matrix out = MatrixIn(results_, pass.dtype, count, y.cols);
  mlp_.Run(pass, weights, in, out);
  ForRows(count, y.cols, [&](int64_t i) {
    pass.kernels.add(static_cast<float*>(y.Row(choices[i].row)), out.Row(i), out.dtype, choices[i].probability, y.cols);
  });
}

void Experts::RunShared(const Pass& pass, const ExpertsWeights& weights, ConstMatrix x, const Matrix& y) {
  const Matrix gate = MatrixIn(probabilities_, DType::kF32, x.rows, 1);
  weights.shared_gate->Forward(x, gate, pass.workspace);
  const Matrix out = MatrixIn(results_, pass.dtype, x.rows, y.cols);
  mlp_.Run(pass, *weights.shared, x, out);
  ForRows(x.rows, y.cols, [&](int64_t row) {
    const float factor = 1 / (1 + std::exp(-*static_cast<const float*>(gate.Row(row))));
    pass.kernels.add(static_cast<float*>(y.Row(row)), out.Row(row), out.dtype, factor, y.cols);
  });
}

void Experts::Run(const Pass& pass, const ExpertsWeights& weights, ConstMatrix x, const Matrix& y) {
  Choose(pass, weights, x);
  std::memset(y.data, 0, static_cast<size_t>(y.rows * y.cols) * sizeof(float));
  for (size_t e = 0; e < weights.experts.size(); ++e) {
    const int64_t count = first_choice_[e + 1] - first_choice_[e];
    if (count > 0) RunExpert(pass, weights.experts[e], choices_.data() + first_choice_[e], count, x, y);
  }
  if (weights.shared) RunShared(pass, weights, x, y);
}

}  // namespace w8a16
