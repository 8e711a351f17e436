#pragma once

#include <filesystem>
#include <string>

#include "hub/download.h"
#include "hub/settings.h"

namespace w8a16 {

/// The directory of a model: `model` itself where it is no Hub id or a file or directory of that name exists; else the
/// snapshot in the cache, which is downloaded first where it is absent or not whole. Throws Error.
std::filesystem::path ResolveModel(const std::string& model, const HubProgress& progress);

/// The same with these settings.
std::filesystem::path ResolveModel(const std::string& model, const HubSettings& settings, const HubProgress& progress);

}  // namespace w8a16
