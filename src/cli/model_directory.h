#pragma once

#include <string>

namespace w8a16 {

/// The directory of what the user named as a model: a directory as it is; a Hub id in the local cache, downloaded (with
/// a progress bar, stopped by a signal) where it is absent. Throws Error.
std::string ModelDirectory(const std::string& model);

}  // namespace w8a16
