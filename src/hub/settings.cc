#include "hub/settings.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "base/strings.h"
#include "checkpoint/json.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

namespace fs = std::filesystem;

// Empty where the variable is not set.
std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string FirstVariable(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (std::string value = Variable(name); !value.empty()) return value;
  }
  return "";
}

bool IsTrue(std::string value) {
  std::transform(value.begin(), value.end(), value.begin(), [](unsigned char c) { return std::toupper(c); });
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

fs::path Home() {
  if (const std::string home = Variable("HF_HOME"); !home.empty()) return home;
  if (const std::string cache = Variable("XDG_CACHE_HOME"); !cache.empty()) return fs::path(cache) / "huggingface";
  return fs::path(Variable("HOME")) / ".cache" / "huggingface";
}

std::string ReadToken(const fs::path& home) {
  std::string token = FirstVariable({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"});
  std::string source = "HF_TOKEN";
  if (token.empty()) {
    const std::string path = FirstVariable({"HF_TOKEN_PATH"});
    const fs::path file = path.empty() ? home / "token" : fs::path(path);
    std::error_code ignored;
    if (!fs::exists(file, ignored)) return "";
    token = ReadTextFile(file);
    source = file.string();
  }
  const auto is_space = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
  while (!token.empty() && is_space(token.back())) token.pop_back();
  token.erase(0, static_cast<size_t>(std::find_if_not(token.begin(), token.end(), is_space) - token.begin()));
  // It becomes part of a header.
  if (std::any_of(token.begin(), token.end(), [](char c) { return c <= ' ' || c > '~'; })) {
    throw Error(StrCat(source, ": the token has spaces, line breaks or characters that no token has"));
  }
  return token;
}

}  // namespace

HubSettings HubSettingsFromEnvironment() {
  const fs::path home = Home();
  HubSettings settings;
  const std::string cache = FirstVariable({"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"});
  settings.cache = cache.empty() ? home / "hub" : fs::path(cache);
  if (const std::string endpoint = Variable("HF_ENDPOINT"); !endpoint.empty()) settings.endpoint = endpoint;
  while (settings.endpoint.ends_with('/')) settings.endpoint.pop_back();
  if (!settings.endpoint.starts_with("https://") && !settings.endpoint.starts_with("http://")) {
    throw Error(StrCat("HF_ENDPOINT is \"", settings.endpoint, "\"; it must begin with https:// or http://"));
  }
  settings.offline = IsTrue(Variable("HF_HUB_OFFLINE"));
  if (!settings.offline) settings.token = ReadToken(home);
  return settings;
}

}  // namespace w8a16
