#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/kernel_table.h"
#include "w8a16/linear.h"

namespace w8a16 {

struct Linear::Impl {
  std::string name;
  int64_t in_features = 0;
  int64_t out_features = 0;
  const uint8_t* int8 = nullptr;  ///< null: the layer is float
  int64_t int8_stride = 0;
  Int8Encoding encoding = Int8Encoding::kSigned;
  std::vector<float> scales;
  ConstMatrix floats;
  std::vector<float> bias;  ///< empty: none
  const KernelTable* kernels = nullptr;
  std::shared_ptr<const void> owner;

  const float* Bias() const { return bias.empty() ? nullptr : bias.data(); }
};

struct Workspace::Impl {
  AlignedBuffer rows;    ///< RowScale of each row
  AlignedBuffer packed;  ///< packed x, or x as float32
};

}  // namespace w8a16
