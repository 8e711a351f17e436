#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "w8a16/dtype.h"

namespace w8a16 {

/// A tensor as a pickled state dict describes it: a part of a storage, which lies elsewhere. Names lie in the pickle.
struct PickledTensor {
  std::string_view name;
  std::string_view storage;  ///< key of the storage
  DType dtype = DType::kF32;
  uint64_t storage_elements = 0;
  uint64_t offset = 0;  ///< of the first element in the storage, in elements
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;  ///< elements
};

/// Longest pickle that is read: some ten times what the largest published shards have. What a value takes in memory is
/// many times what it takes here.
inline constexpr size_t kMaxPickle = 16 << 20;
/// Most dimensions of a tensor.
inline constexpr size_t kMaxPickledDims = 16;

/// The tensors of a pickled state dict (a dict or OrderedDict from different names to tensors), in its order. Knows
/// only the operations and the names that torch.save uses to build tensors; nothing is ever imported, called or
/// executed. Throws Error naming `file` and what it found for everything else, and for whatever is malformed.
std::vector<PickledTensor> ReadStateDict(std::span<const std::byte> bytes, const std::string& file);

}  // namespace w8a16
