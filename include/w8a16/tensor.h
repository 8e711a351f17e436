#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "w8a16/dtype.h"

namespace w8a16 {

/// A matrix in memory that someone else owns: `rows` x `cols` elements, row r starting `r * stride` elements after
/// data.
struct ConstMatrix {
  const void* data = nullptr;
  DType dtype = DType::kF32;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t stride = 0;

  /// Address of the first element of row `r`.
  const void* Row(int64_t r) const {
    return static_cast<const std::byte*>(data) + static_cast<size_t>(r * stride) * DTypeSize(dtype);
  }
};

/// The same, writable.
struct Matrix {
  void* data = nullptr;
  DType dtype = DType::kF32;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t stride = 0;

  void* Row(int64_t r) const {
    return static_cast<std::byte*>(data) + static_cast<size_t>(r * stride) * DTypeSize(dtype);
  }
  operator ConstMatrix() const { return {data, dtype, rows, cols, stride}; }  // NOLINT(google-explicit-constructor)
};

/// A tensor in memory that someone else owns, row-major without gaps.
struct TensorView {
  const std::byte* data = nullptr;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;

  int64_t Elements() const {
    int64_t n = 1;
    for (int64_t d : shape) n *= d;
    return n;
  }
  size_t Bytes() const { return static_cast<size_t>(Elements()) * DTypeSize(dtype); }
};

/// "[2, 3]": how messages show a shape.
std::string ShapeString(const std::vector<int64_t>& shape);

}  // namespace w8a16
