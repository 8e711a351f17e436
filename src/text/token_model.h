#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "text/json_node.h"
#include "text/vocabulary.h"

namespace w8a16 {

/// The stage that turns pieces of text into ids.
class TokenModel {
 public:
  /// One pass over a text, by one thread: what it learns on the way makes the rest faster.
  class Session {
   public:
    virtual ~Session() = default;
    /// Appends the ids of `piece`, which is not empty, to `ids`.
    virtual void Encode(std::string_view piece, std::vector<int32_t>& ids) = 0;
  };

  virtual ~TokenModel() = default;
  /// May be called from several threads at once; the model must outlive the session.
  virtual std::unique_ptr<Session> Start() const = 0;
  virtual const Vocabulary& vocabulary() const = 0;
};

/// The model that `node` describes. Throws Error naming key, value and the supported ones.
std::unique_ptr<TokenModel> ParseTokenModel(const JsonNode& node);

}  // namespace w8a16
