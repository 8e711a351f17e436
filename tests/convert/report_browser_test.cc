#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "convert/report_fixture.h"
#include "testing/process.h"

namespace w8a16::testing {
namespace {

using ::testing::HasSubstr;

std::optional<std::string> FindBrowser() {
  for (const char* path : {"/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"}) {
    if (std::filesystem::exists(path)) return path;
  }
  return std::nullopt;
}

class ReportInBrowser : public ::testing::Test {
 protected:
  void SetUp() override {
    browser_ = FindBrowser();
    if (!browser_) GTEST_SKIP() << "no Chromium is installed (Debian: chromium)";
    WriteTextFile(scratch_ / "report.html", Render(LlamaReport(24)));
  }

  ProcessResult Browse(const std::vector<std::string>& options) const {
    std::vector<std::string> command = {*browser_,
                                        "--headless",
                                        "--no-sandbox",
                                        "--disable-gpu",
                                        "--disable-dev-shm-usage",
                                        "--hide-scrollbars",
                                        "--user-data-dir=" + (scratch_ / "profile").string()};
    command.insert(command.end(), options.begin(), options.end());
    command.push_back("file://" + (scratch_ / "report.html").string());
    return RunProcess(command);
  }

  void TakePicture(const std::string& name, bool dark, const std::string& size) const {
    const ProcessResult result =
        Browse({"--screenshot=" + (scratch_ / name).string(), "--window-size=" + size,
                dark ? "--blink-settings=preferredColorScheme=0" : "--blink-settings=preferredColorScheme=1"});
    ASSERT_TRUE(std::filesystem::exists(scratch_ / name)) << result.err;
  }

  std::optional<std::string> browser_;
  TempDir scratch_;
};

TEST_F(ReportInBrowser, EveryLayerIsInTheDocument) {
  const ProcessResult result = Browse({"--dump-dom"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  for (const ConvertedLayer& layer : LlamaReport(24).layers) EXPECT_THAT(result.out, HasSubstr(layer.name + ": "));
  EXPECT_THAT(result.out, HasSubstr("</footer>"));
}

TEST_F(ReportInBrowser, LightAndDarkAndPhone) {
  if (!std::filesystem::exists(W8A16_PYTHON)) GTEST_SKIP() << "no Python, which looks at the pictures";
  TakePicture("light.png", false, "900,900");
  TakePicture("dark.png", true, "900,900");
  TakePicture("phone.png", false, "390,900");
  if (HasFatalFailure()) return;
  const ProcessResult result = RunProcess({W8A16_PYTHON, W8A16_SOURCE_DIR "/tests/convert/check_report.py", "pictures",
                                           scratch_ / "light.png", scratch_ / "dark.png", scratch_ / "phone.png"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
}

}  // namespace
}  // namespace w8a16::testing
