#include "hub/settings.h"

#include <cstdlib>
#include <map>
#include <optional>

#include "testing/files.h"

namespace w8a16 {
namespace {

using testing::ExpectError;
using testing::TempDir;

// Sets the variables that matter, the others unset, and puts all back.
class SettingsTest : public ::testing::Test {
 protected:
  SettingsTest() {
    for (const char* name : {"HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME", "HOME",
                             "HF_ENDPOINT", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE"}) {
      const char* value = std::getenv(name);
      former_[name] = value == nullptr ? std::nullopt : std::optional<std::string>(value);
      unsetenv(name);
    }
    Set("HOME", home_.path().string());
  }
  ~SettingsTest() override {
    for (const auto& [name, value] : former_) {
      value ? setenv(name.c_str(), value->c_str(), 1) : unsetenv(name.c_str());
    }
  }
  static void Set(const char* name, const std::string& value) { setenv(name, value.c_str(), 1); }

  TempDir home_;
  std::map<std::string, std::optional<std::string>> former_;
};

TEST_F(SettingsTest, HasTheDefaultsOfHuggingFace) {
  const HubSettings settings = HubSettingsFromEnvironment();
  EXPECT_EQ(settings.cache, home_ / ".cache/huggingface/hub");
  EXPECT_EQ(settings.endpoint, "https://huggingface.co");
  EXPECT_EQ(settings.token, "");
  EXPECT_FALSE(settings.offline);
}

TEST_F(SettingsTest, FindsTheCache) {
  Set("XDG_CACHE_HOME", "/xdg");
  EXPECT_EQ(HubSettingsFromEnvironment().cache, "/xdg/huggingface/hub");
  Set("HF_HOME", "/home");
  EXPECT_EQ(HubSettingsFromEnvironment().cache, "/home/hub");
  Set("HF_HUB_CACHE", "/cache");
  EXPECT_EQ(HubSettingsFromEnvironment().cache, "/cache");
}

TEST_F(SettingsTest, ReadsTheEndpoint) {
  Set("HF_ENDPOINT", "http://mirror:8080/");
  EXPECT_EQ(HubSettingsFromEnvironment().endpoint, "http://mirror:8080");
  Set("HF_ENDPOINT", "ftp://mirror");
  ExpectError([] { HubSettingsFromEnvironment(); }, {"HF_ENDPOINT is \"ftp://mirror\"", "https://"});
}

TEST_F(SettingsTest, FindsTheToken) {
  std::filesystem::create_directories(home_ / ".cache/huggingface");
  WriteTextFile(home_ / ".cache/huggingface/token", " hf_file\n");
  EXPECT_EQ(HubSettingsFromEnvironment().token, "hf_file");
  WriteTextFile(home_ / "other", "hf_other");
  Set("HF_TOKEN_PATH", home_ / "other");
  EXPECT_EQ(HubSettingsFromEnvironment().token, "hf_other");
  Set("HF_TOKEN", "hf_variable");
  EXPECT_EQ(HubSettingsFromEnvironment().token, "hf_variable");
}

TEST_F(SettingsTest, RefusesATokenThatWouldBecomeAHeader) {
  Set("HF_TOKEN", "x\r\nHost: evil");
  ExpectError([] { HubSettingsFromEnvironment(); }, {"HF_TOKEN", "line breaks"});
}

TEST_F(SettingsTest, KnowsOffline) {
  for (const char* yes : {"1", "true", "YES", "on"}) {
    Set("HF_HUB_OFFLINE", yes);
    EXPECT_TRUE(HubSettingsFromEnvironment().offline) << yes;
  }
  Set("HF_HUB_OFFLINE", "0");
  EXPECT_FALSE(HubSettingsFromEnvironment().offline);
}

}  // namespace
}  // namespace w8a16
