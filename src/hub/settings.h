#pragma once

#include <chrono>
#include <filesystem>
#include <string>

namespace w8a16 {

/// Where models come from and where they are kept, by the environment variables of huggingface_hub.
struct HubSettings {
  std::filesystem::path cache;                      ///< HF_HUB_CACHE, or hub/ in HF_HOME (~/.cache/huggingface)
  std::string endpoint = "https://huggingface.co";  ///< HF_ENDPOINT, without a slash at the end
  std::string token;                                ///< HF_TOKEN, or the file that a login leaves; empty: none
  bool offline = false;                             ///< HF_HUB_OFFLINE
  std::chrono::milliseconds retry_delay{500};       ///< before a broken transfer is taken up again
};

/// Throws Error for values that cannot be used.
HubSettings HubSettingsFromEnvironment();

}  // namespace w8a16
