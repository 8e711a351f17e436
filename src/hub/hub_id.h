#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace w8a16 {

/// A model on the Hugging Face Hub: "org/name" or "org/name@revision".
struct HubId {
  std::string repository;         ///< "org/name"
  std::string revision = "main";  ///< a branch, a tag or a commit
};

/// Nothing where `text` is no Hub id (a path with more or fewer parts, say).
std::optional<HubId> ParseHubId(std::string_view text);

/// True for the 40 hexadecimal digits of a commit.
bool IsCommit(std::string_view revision);

}  // namespace w8a16
