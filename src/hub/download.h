#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "hub/hub_id.h"
#include "hub/settings.h"

namespace w8a16 {

/// Called with bytes done and bytes in all; may throw to stop, what came is kept for the next time.
using HubProgress = std::function<void(uint64_t done, uint64_t total)>;

/// Fetches what a model needs (config, tokenizer, weights: safetensors where there are any, else PyTorch's) into the
/// cache and returns the commit of its snapshot, which appears when all of it is there. Files that are there already
/// are kept, half ones continued, all checked against the server's checksums. Throws Error that says what to do.
std::string DownloadModel(const HubSettings& settings, const HubId& id, const HubProgress& progress);

}  // namespace w8a16
