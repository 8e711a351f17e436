#pragma once

#include <cstddef>
#include <cstdint>

#include "base/isa.h"
#include "w8a16/tensor.h"

namespace w8a16 {

/// y[:, n_begin:n_end] = x W^T + b in float32, y rounded once to its dtype. A result does not depend on m or on how n
/// is cut: each is one sum in a fixed order.
struct FloatLinearArgs {
  const float* x;  ///< [m, k], rows x_stride elements apart
  int64_t x_stride;
  int64_t m;
  int64_t k;
  ConstMatrix weights;  ///< [n, k] of kF32, kF16 or kBF16
  const float* bias;    ///< [n] or null
  int64_t n_begin;
  int64_t n_end;
  Matrix y;  ///< [m, n] of kF32, kF16 or kBF16
};

enum class Activation : uint8_t {
  kSilu,      ///< x / (1 + exp(-x))
  kGelu,      ///< x/2 (1 + erf(x / sqrt 2))
  kGeluTanh,  ///< x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
  kRelu,
};

/// Causal attention of a block of consecutive queries of one head over one key/value head of one sequence.
/// Query i (of `queries`) stands at position first_position + i and sees the keys j with
/// position - window < j <= position (window 0: all j <= position).
struct AttentionArgs {
  const float* q;  ///< [queries, head_dim], rows q_stride elements apart
  int64_t q_stride;
  int64_t queries;
  int64_t first_position;
  const void* keys;    ///< [>= first_position + queries, head_dim] of kv_dtype, rows kv_stride elements apart
  const void* values;  ///< the same
  DType kv_dtype;
  int64_t kv_stride;
  int64_t head_dim;
  float scale;                      ///< multiplies q·k
  float softcap;                    ///< 0, or s -> softcap * tanh(s / softcap) after the scale
  float alibi_slope;                ///< 0, or slope * (j - position) is added to the score
  const float* key_bias = nullptr;  ///< null, or [>= first_position + queries]: key_bias[j] is added to q·k
  int64_t window;
  void* out;  ///< [queries, head_dim] of out_dtype, rows out_stride elements apart
  DType out_dtype;
  int64_t out_stride;
  float* scratch;  ///< AttentionScratch(queries, keys) floats
};

/// The float32 work around the W8A16 layers, one table per instruction set. Functions do not throw, allocate or start
/// threads. An element's result does not depend on how the caller cuts m, n or queries into calls. Results may differ
/// between instruction sets in the last bits (sums are ordered by vector length).
struct FloatKernels {
  void (*linear)(const FloatLinearArgs& args);
  /// kF32, kF16, kBF16 to float32 (exact) and back (to nearest even).
  void (*to_float)(const void* in, DType dtype, int64_t n, float* out);
  void (*from_float)(const float* in, int64_t n, void* out, DType dtype);
  /// y = x / sqrt(mean(x^2) + eps) * (weight + weight_offset), rounded to y_dtype. weight may be null (all ones). y may
  /// be x.
  void (*rms_norm)(const float* x, const float* weight, float weight_offset, float eps, int64_t n, void* y,
                   DType y_dtype);
  /// y = (x - mean) / sqrt(var + eps) * weight + bias; weight and bias may be null. y may be x.
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float eps, int64_t n, void* y,
                     DType y_dtype);
  /// Rotary embedding of one head in place: `rotary_dim` elements of x, cos and sin [rotary_dim / 2]. interleaved:
  /// pairs are (2i, 2i+1), else (i, i + rotary_dim/2).
  void (*rope)(float* x, const float* cos, const float* sin, int64_t rotary_dim, bool interleaved);
  /// out = activation(gate) * up, up may be null (factor 1); gate, up and out have dtype `dtype`; out may be gate.
  void (*activate)(Activation kind, const void* gate, const void* up, int64_t n, void* out, DType dtype);
  /// x += y * factor, y of dtype.
  void (*add)(float* x, const void* y, DType dtype, float factor, int64_t n);
  /// x = scale * x, and then, if cap is not 0, cap * tanh(x / cap).
  void (*scale_and_cap)(float* x, float scale, float cap, int64_t n);
  /// s[i], the dot product of a query with key `first` + i, becomes exp(score - largest score), for all n keys that the
  /// query sees, the last of which is at its own position. Returns the sum.
  float (*softmax)(const AttentionArgs& args, float* s, int64_t first, int64_t n);
  void (*attention)(const AttentionArgs& args);
};

/// Floats of scratch memory that `attention` needs for a block of `queries`, the last of which stands at position keys
/// - 1. (With a window, keys may be the number of keys that any query of the block sees: window + queries - 1.)
size_t AttentionScratch(int64_t queries, int64_t keys);

/// The table of an instruction set, which must be available here.
const FloatKernels& FloatKernelsFor(Isa isa);

}  // namespace w8a16
