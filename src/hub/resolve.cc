#include "hub/resolve.h"

#include <optional>
#include <vector>

#include "base/strings.h"
#include "hub/cache.h"
#include "hub/hub_id.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

namespace fs = std::filesystem;

std::optional<HubId> RemoteId(const std::string& model) {
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(model, ignored))) return std::nullopt;
  return ParseHubId(model);
}

fs::path ResolveId(const HubId& id, const HubSettings& settings, const HubProgress& progress) {
  const CachedRepository repository(settings.cache, id);
  const std::optional<std::string> commit = repository.FindCommit();
  std::vector<std::string> missing;
  if (commit) {
    missing = MissingFiles(repository.Snapshot(*commit));
    if (missing.empty()) return repository.Snapshot(*commit);
  }
  if (settings.offline) {
    const std::string what = missing.empty() ? StrCat("its revision \"", id.revision, "\" is not")
                                             : StrCat(Join(missing, ", "), " of it is not");
    throw Error(StrCat(id.repository, ": there is no such directory, and ", what, " in the Hugging Face cache ",
                       settings.cache.string(), "; HF_HUB_OFFLINE is set: unset it to download the model"));
  }
  return repository.Snapshot(DownloadModel(settings, id, progress));
}

}  // namespace

fs::path ResolveModel(const std::string& model, const HubSettings& settings, const HubProgress& progress) {
  const std::optional<HubId> id = RemoteId(model);
  return id ? ResolveId(*id, settings, progress) : fs::path(model);
}

fs::path ResolveModel(const std::string& model, const HubProgress& progress) {
  // The settings are read where they are needed: a broken one does not keep a directory from being used.
  return RemoteId(model) ? ResolveModel(model, HubSettingsFromEnvironment(), progress) : fs::path(model);
}

}  // namespace w8a16
