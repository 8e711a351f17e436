#pragma once

#include <algorithm>

#include "kernels/float_testing.h"

namespace w8a16::testing {

/// A block of queries, and how they attend.
struct AttentionProblem {
  int64_t queries, first_position, head_dim;
  DType kv_dtype = DType::kF32;
  DType out_dtype = DType::kF32;
  float scale = 0.3F, softcap = 0, alibi_slope = 0;
  int64_t window = 0;
  int64_t extra_stride = 0;
  bool key_bias = false;

  int64_t Keys() const { return first_position + queries; }
  int64_t Stride() const { return head_dim + extra_stride; }
  int64_t Elements(int64_t rows) const { return (rows - 1) * Stride() + head_dim; }
};

/// Random q, keys and values for it.
struct AttentionData {
  explicit AttentionData(const AttentionProblem& p, float q_scale = 1)
      : problem(p),
        q(DType::kF32, Gaussian(p.Elements(p.queries), 1, q_scale)),
        keys(p.kv_dtype, Gaussian(p.Elements(p.Keys()), 2)),
        values(p.kv_dtype, Gaussian(p.Elements(p.Keys()), 3)),
        key_bias(DType::kF32, Gaussian(p.Keys(), 4)) {}

  /// What queries [begin, end) need, but for scratch memory.
  AttentionArgs Args(int64_t begin, int64_t end, const Array& out) const {
    const AttentionProblem& p = problem;
    return {
        .q = q.floats() + begin * p.Stride(),
        .q_stride = p.Stride(),
        .queries = end - begin,
        .first_position = p.first_position + begin,
        .keys = keys.data(),
        .values = values.data(),
        .kv_dtype = p.kv_dtype,
        .kv_stride = p.Stride(),
        .head_dim = p.head_dim,
        .scale = p.scale,
        .softcap = p.softcap,
        .alibi_slope = p.alibi_slope,
        .key_bias = p.key_bias ? key_bias.floats() : nullptr,
        .window = p.window,
        .out = static_cast<std::byte*>(out.data()) + static_cast<size_t>(begin * p.Stride()) * DTypeSize(p.out_dtype),
        .out_dtype = p.out_dtype,
        .out_stride = p.Stride(),
        .scratch = nullptr};
  }

  /// Queries [begin, end) in one call.
  void Run(const FloatKernels& kernels, int64_t begin, int64_t end, const Array& out) const {
    AttentionArgs args = Args(begin, end, out);
    const int64_t keys_seen = args.window == 0 ? args.first_position + args.queries : args.window + args.queries - 1;
    const Array scratch(DType::kF32, static_cast<int64_t>(AttentionScratch(args.queries, keys_seen)));
    args.scratch = scratch.floats();
    kernels.attention(args);
  }

  /// One query in float64; `spread` is what an error of one in all scores changes in the output, at most.
  std::vector<double> Exact(int64_t query, double& spread, double& largest_dot) const {
    const AttentionProblem& p = problem;
    const int64_t position = p.first_position + query;
    const int64_t begin = p.window == 0 ? 0 : std::max<int64_t>(0, position - p.window + 1);
    std::vector<double> scores;
    largest_dot = 0;
    for (int64_t j = begin; j <= position; ++j) {
      double s = 0;
      double magnitude = 0;
      for (int64_t i = 0; i < p.head_dim; ++i) {
        const double product = q.at(query * p.Stride() + i) * keys.at(j * p.Stride() + i);
        s += product;
        magnitude += std::abs(product);
      }
      if (p.key_bias) {
        s += key_bias.at(j);
        magnitude += std::abs(key_bias.at(j));
      }
      largest_dot = std::max(largest_dot, magnitude * std::abs(static_cast<double>(p.scale)));
      s *= static_cast<double>(p.scale);
      const double cap = static_cast<double>(p.softcap);
      if (cap != 0) s = cap * std::tanh(s / cap);
      scores.push_back(s + static_cast<double>(p.alibi_slope) * static_cast<double>(j - position));
    }
    const double largest = *std::max_element(scores.begin(), scores.end());
    double total = 0;
    for (double& s : scores) total += s = std::exp(s - largest);
    std::vector<double> out(static_cast<size_t>(p.head_dim));
    spread = 0;
    for (int64_t i = 0; i < p.head_dim; ++i) {
      for (size_t j = 0; j < scores.size(); ++j) {
        const double v = values.at((begin + static_cast<int64_t>(j)) * p.Stride() + i);
        out[static_cast<size_t>(i)] += scores[j] / total * v;
        spread = std::max(spread, std::abs(v));
      }
    }
    return out;
  }

  AttentionProblem problem;
  Array q, keys, values, key_bias;
};

/// A score has a relative error of head_dim/4 + 16 roundings of its largest partial sum, and alibi adds roundings of
/// its largest bias; a weight's relative error is the score's absolute one, and a few roundings more for exp and each
/// addition. `roundings`: how many of float32 one of an operand counts, where these have fewer bits.
inline void ExpectExact(const AttentionData& data, const Array& out, double roundings = 0) {
  const AttentionProblem& p = data.problem;
  for (int64_t query = 0; query < p.queries; ++query) {
    double spread = 0;
    double largest_dot = 0;
    const std::vector<double> exact = data.Exact(query, spread, largest_dot);
    const double keys = static_cast<double>(p.first_position + query + 1);
    const double score_error = (static_cast<double>(p.head_dim) / 4 + 16 + roundings) * largest_dot +
                               4 * static_cast<double>(p.alibi_slope) * keys;
    const double tolerance = 2 * 0x1p-24 * spread * (score_error + keys + 16 + roundings);
    for (int64_t i = 0; i < p.head_dim; ++i) {
      const double expected = exact[static_cast<size_t>(i)];
      ASSERT_NEAR(out.at(query * p.Stride() + i), expected, tolerance + HalfUlp(p.out_dtype, expected))
          << "query " << query << " element " << i << " of " << p.head_dim << ", " << p.queries << " queries from "
          << p.first_position << ", window " << p.window;
    }
  }
}

}  // namespace w8a16::testing
