#include "hub/hub_id.h"

#include <algorithm>
#include <cctype>

namespace w8a16 {
namespace {

constexpr size_t kMaxPart = 96;

bool IsWordByte(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.'; }

// What the Hub allows for names of organizations and models. "--" separates them in the cache.
bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxPart && std::all_of(name.begin(), name.end(), IsWordByte) &&
         !name.starts_with('.') && !name.starts_with('-') && !name.ends_with('.') && !name.ends_with('-') &&
         name.find("--") == std::string_view::npos && name.find("..") == std::string_view::npos;
}

// Parts of words with slashes between them: it becomes a path below refs/.
bool IsRevision(std::string_view revision) {
  if (revision.empty() || revision.size() > 255 || revision.find("..") != std::string_view::npos) return false;
  if (revision.starts_with('/') || revision.ends_with('/') || revision.find("//") != std::string_view::npos) {
    return false;
  }
  return std::all_of(revision.begin(), revision.end(), [](char c) { return IsWordByte(c) || c == '/' || c == '+'; }) &&
         !revision.starts_with('.') && !revision.starts_with('-') && revision.find("/.") == std::string_view::npos;
}

}  // namespace

std::optional<HubId> ParseHubId(std::string_view text) {
  const size_t at = text.find('@');
  const std::string_view repository = text.substr(0, at);
  const size_t slash = repository.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  if (!IsName(repository.substr(0, slash)) || !IsName(repository.substr(slash + 1))) return std::nullopt;
  HubId id;
  id.repository = repository;
  if (at != std::string_view::npos) {
    if (!IsRevision(text.substr(at + 1))) return std::nullopt;
    id.revision = text.substr(at + 1);
  }
  return id;
}

bool IsCommit(std::string_view revision) {
  return revision.size() == 40 && revision.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace w8a16
