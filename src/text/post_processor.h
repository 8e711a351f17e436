#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "text/json_node.h"

namespace w8a16 {

/// The stage that adds special tokens around the ids of a text.
class PostProcessor {
 public:
  virtual ~PostProcessor() = default;
  /// May be called from several threads at once.
  virtual void Apply(std::vector<int32_t>& ids) const = 0;
};

/// The post-processor that `node` describes. Throws Error naming key, value and the supported ones. Ids are checked to
/// be in range only: the caller knows the vocabulary.
std::unique_ptr<PostProcessor> ParsePostProcessor(const JsonNode& node);

}  // namespace w8a16
