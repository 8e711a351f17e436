#include "kernels/float_reference.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/attention_range.h"

namespace w8a16 {
namespace {

template <class A, class B>
double Dot(const A& a, const B& b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(a(i)) * static_cast<double>(b(i));
  return sum;
}

void Linear(const FloatLinearArgs& args) {
  for (int64_t m = 0; m < args.m; ++m) {
    const float* x = args.x + m * args.x_stride;
    for (int64_t n = args.n_begin; n < args.n_end; ++n) {
      const void* w = args.weights.Row(n);
      double sum =
          Dot([&](int64_t i) { return x[i]; }, [&](int64_t i) { return LoadFloat(w, args.weights.dtype, i); }, args.k);
      if (args.bias != nullptr) sum += static_cast<double>(args.bias[n]);
      StoreFloat(args.y.Row(m), args.y.dtype, n, static_cast<float>(sum));
    }
  }
}

void ToFloat(const void* in, DType dtype, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) out[i] = LoadFloat(in, dtype, i);
}

void FromFloat(const float* in, int64_t n, void* out, DType dtype) {
  for (int64_t i = 0; i < n; ++i) StoreFloat(out, dtype, i, in[i]);
}

void RmsNorm(const float* x, const float* weight, float weight_offset, float eps, int64_t n, void* y, DType y_dtype) {
  const auto at = [&](int64_t i) { return x[i]; };
  const double inverse = 1 / std::sqrt(Dot(at, at, n) / static_cast<double>(n) + static_cast<double>(eps));
  for (int64_t i = 0; i < n; ++i) {
    const double w = weight == nullptr ? 1 : static_cast<double>(weight[i]) + static_cast<double>(weight_offset);
    StoreFloat(y, y_dtype, i, static_cast<float>(static_cast<double>(x[i]) * inverse * w));
  }
}

void LayerNorm(const float* x, const float* weight, const float* bias, float eps, int64_t n, void* y, DType y_dtype) {
  const double mean = Dot([&](int64_t i) { return x[i]; }, [](int64_t) { return 1.0; }, n) / static_cast<double>(n);
  const auto centered = [&](int64_t i) { return static_cast<double>(x[i]) - mean; };
  const double variance = Dot(centered, centered, n) / static_cast<double>(n);
  const double inverse = 1 / std::sqrt(variance + static_cast<double>(eps));
  for (int64_t i = 0; i < n; ++i) {
    double v = centered(i) * inverse;
    if (weight != nullptr) v *= static_cast<double>(weight[i]);
    if (bias != nullptr) v += static_cast<double>(bias[i]);
    StoreFloat(y, y_dtype, i, static_cast<float>(v));
  }
}

void Rope(float* x, const float* cos, const float* sin, int64_t rotary_dim, bool interleaved) {
  const int64_t half = rotary_dim / 2;
  for (int64_t i = 0; i < half; ++i) {
    float& a = interleaved ? x[2 * i] : x[i];
    float& b = interleaved ? x[2 * i + 1] : x[i + half];
    const float turned = a * cos[i] - b * sin[i];
    b = b * cos[i] + a * sin[i];
    a = turned;
  }
}

double ActivationOf(Activation kind, double x) {
  switch (kind) {
    case Activation::kSilu:
      return x / (1 + std::exp(-x));
    case Activation::kGelu:
      // erfc, not 1 + erf: no cancellation for negative x. The guard gives 0 for -inf, not a NaN.
      return x < -40 ? 0 : 0.5 * x * std::erfc(-x * M_SQRT1_2);
    case Activation::kGeluTanh:
      return x / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::kRelu:
      return x < 0 ? 0 : x;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

void Activate(Activation kind, const void* gate, const void* up, int64_t n, void* out, DType dtype) {
  for (int64_t i = 0; i < n; ++i) {
    const double factor = up == nullptr ? 1 : static_cast<double>(LoadFloat(up, dtype, i));
    const double activated = ActivationOf(kind, static_cast<double>(LoadFloat(gate, dtype, i)));
    StoreFloat(out, dtype, i, static_cast<float>(activated * factor));
  }
}

void Add(float* x, const void* y, DType dtype, float factor, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] += LoadFloat(y, dtype, i) * factor;
}

void ScaleAndCap(float* x, float scale, float cap, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    x[i] *= scale;
    if (cap != 0) x[i] = cap * std::tanh(x[i] / cap);
  }
}

float Softmax(const AttentionArgs& args, float* s, int64_t first, int64_t n) {
  float largest = -std::numeric_limits<float>::infinity();
  for (int64_t i = 0; i < n; ++i) {
    double score = static_cast<double>(s[i]);
    if (args.key_bias != nullptr) score += static_cast<double>(args.key_bias[first + i]);
    score *= static_cast<double>(args.scale);
    if (args.softcap != 0) {
      score = static_cast<double>(args.softcap) * std::tanh(score / static_cast<double>(args.softcap));
    }
    score += static_cast<double>(args.alibi_slope) * static_cast<double>(i - (n - 1));
    s[i] = static_cast<float>(score);
    largest = std::max(largest, s[i]);
  }
  double total = 0;
  for (int64_t i = 0; i < n; ++i) {
    s[i] = std::exp(s[i] - largest);
    total += static_cast<double>(s[i]);
  }
  return static_cast<float>(total);
}

void AttendOne(const AttentionArgs& args, const AttentionRange& range, int64_t query) {
  const float* q = args.q + query * args.q_stride;
  float* scores = range.scores + query * range.stride - range.base;
  const int64_t begin = range.Begin(query);
  const int64_t end = range.End(query);
  for (int64_t j = begin; j < end; ++j) {
    scores[j] = static_cast<float>(
        Dot([&](int64_t i) { return q[i]; },
            [&](int64_t i) { return LoadFloat(args.keys, args.kv_dtype, j * args.kv_stride + i); }, args.head_dim));
  }
  const float total = Softmax(args, scores + begin, begin, end - begin);
  for (int64_t i = 0; i < args.head_dim; ++i) {
    double sum = 0;
    for (int64_t j = begin; j < end; ++j) {
      sum += static_cast<double>(scores[j]) *
             static_cast<double>(LoadFloat(args.values, args.kv_dtype, j * args.kv_stride + i));
    }
    StoreFloat(args.out, args.out_dtype, query * args.out_stride + i,
               static_cast<float>(sum / static_cast<double>(total)));
  }
}

void Attention(const AttentionArgs& args) {
  const AttentionRange range(args);
  for (int64_t query = 0; query < args.queries; ++query) AttendOne(args, range, query);
}

constexpr FloatKernels kReference = {Linear,   ToFloat, FromFloat,   RmsNorm, LayerNorm, Rope,
                                     Activate, Add,     ScaleAndCap, Softmax, Attention};

}  // namespace

const FloatKernels& ReferenceFloatKernels() { return kReference; }

}  // namespace w8a16
