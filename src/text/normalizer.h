#pragma once

#include <memory>
#include <string>

#include "text/json_node.h"

namespace w8a16 {

/// The first stage: rewrites text before it is split.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  /// Well-formed text to well-formed text. May be called from several threads at once.
  virtual std::string Apply(std::string text) const = 0;
};

/// The normalizer that `node` describes. Throws Error naming key, value and the supported ones.
std::unique_ptr<Normalizer> ParseNormalizer(const JsonNode& node);

}  // namespace w8a16
