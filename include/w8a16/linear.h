#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "w8a16/quantize.h"
#include "w8a16/tensor.h"

namespace w8a16 {

/// The weights of a W8A16 linear layer as they lie in memory (a mapped file, a PyTorch tensor, a vector).
struct Int8Weights {
  const void* data = nullptr;  ///< [out_features, in_features] bytes, rows `row_stride` bytes apart
  Int8Encoding encoding = Int8Encoding::kSigned;
  int64_t out_features = 0;
  int64_t in_features = 0;
  int64_t row_stride = 0;
  const void* scales = nullptr;  ///< [out_features] of scale_dtype, finite and positive; copied
  DType scale_dtype = DType::kF32;
  const void* bias = nullptr;  ///< null or [out_features] of bias_dtype; copied
  DType bias_dtype = DType::kF32;
  std::shared_ptr<const void> owner;  ///< kept as long as the layer; may be null if the caller keeps `data` alive
};

/// The weights of a layer that stays float: [out_features, in_features] of dtype, rows `weights.stride` elements apart.
struct FloatWeights {
  ConstMatrix weights;
  const void* bias = nullptr;
  DType bias_dtype = DType::kF32;
  std::shared_ptr<const void> owner;
};

/// Scratch memory of Forward. It grows to what is needed and is then reused, so that a warmed-up Forward allocates
/// nothing. One Workspace serves one Forward at a time.
class Workspace {
 public:
  Workspace();
  ~Workspace();
  Workspace(Workspace&&) noexcept;
  Workspace& operator=(Workspace&&) noexcept;

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// The bits of the integers that rows of float32 x become in a W8A16 layer: 24 keep float32's accuracy, 16 take two
/// thirds of the time. Rows of kF16 and kBF16 have 16 whatever is asked for, and rows with extreme outliers, of any
/// dtype, 24.
enum class ActivationBits : int32_t { k16 = 16, k24 = 24 };

/// Throws Error, which says what is allowed, where `bits` is neither 16 nor 24.
ActivationBits ActivationBitsOf(int64_t bits);

/// y = x W^T + b. Immutable once made; Forward may be called from several threads at once, each with its Workspace.
///
/// With Int8Weights the arithmetic is W8A16: each row of x becomes integers of 16 or 24 bits, sums are exact, and the
/// result has the same bits on every instruction set, with any number of threads and in any batch
/// (docs/quantization_explanation.md).
class Linear {
 public:
  /// `name` is what error messages call the layer. Throws Error where shapes, strides, dtypes or scales are wrong.
  Linear(Int8Weights weights, std::string name);
  Linear(FloatWeights weights, std::string name);
  ~Linear();
  Linear(Linear&&) noexcept;
  Linear& operator=(Linear&&) noexcept;

  const std::string& name() const;
  int64_t in_features() const;
  int64_t out_features() const;
  bool quantized() const;
  bool has_bias() const;
  /// Bytes that the weights take in memory, scales and bias included.
  size_t weight_bytes() const;
  /// The instruction set whose kernel this layer uses, as W8A16_ISA names it.
  const char* isa() const;

  /// x [rows, in_features] of kF32, kF16 or kBF16; y [rows, out_features] of the dtype of x or kF32. rows may be 0.
  /// x and y may not overlap. `bits` is for float32 x and quantized layers; nothing else looks at it. Throws Error
  /// where shapes or dtypes are wrong.
  void Forward(ConstMatrix x, Matrix y, Workspace& workspace, ActivationBits bits = ActivationBits::k24) const;

  /// The same for several layers of one kind (all quantized or all float) that read the same x (q, k and v; gate and
  /// up): x is prepared once and the layers share one parallel region. The bits are those of separate calls.
  static void ForwardTogether(std::span<const Linear* const> layers, ConstMatrix x, std::span<const Matrix> y,
                              Workspace& workspace, ActivationBits bits = ActivationBits::k24);

 private:
  friend class ForwardPass;
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace w8a16
