#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "testing/process.h"
#include "testing/tiny_model.h"

namespace w8a16::testing {

/// Runs the built `w8a16` command.
inline ProcessResult W8A16(std::vector<std::string> arguments, const std::vector<std::string>& environment = {},
                           const std::string& input = "") {
  arguments.insert(arguments.begin(), W8A16_BINARY_DIR "/w8a16");
  return RunProcess(arguments, environment, input);
}

/// Runs it with --json and returns the document; a failure fails the test.
inline Json W8A16Json(std::vector<std::string> arguments, const std::vector<std::string>& environment = {}) {
  arguments.emplace_back("--json");
  const ProcessResult result = W8A16(arguments, environment);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  if (result.exit_code != 0) return Json::object();
  return Json::parse(result.out);
}

/// Expects exit code 1 and one line "error: ..." with all these strings on standard error.
inline void ExpectFailure(const ProcessResult& result, const std::vector<std::string>& parts) {
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, ::testing::HasSubstr("error: "));
  for (const std::string& part : parts) EXPECT_THAT(result.err, ::testing::HasSubstr(part));
}

/// Expects exit code 2, nothing on standard output, all these strings and where to find help on standard error.
inline void ExpectWrongUsage(const ProcessResult& result, const std::vector<std::string>& parts) {
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, ::testing::AllOf(::testing::StartsWith("error: "), ::testing::HasSubstr("--help")));
  for (const std::string& part : parts) EXPECT_THAT(result.err, ::testing::HasSubstr(part));
}

inline std::vector<std::string> Keys(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& item : object.items()) keys.push_back(item.key());
  return keys;
}

/// "1,2,3".
inline std::string IdList(const Json& ids) {
  std::string text;
  for (const Json& id : ids) {
    if (!text.empty()) text += ',';
    text += id.dump();
  }
  return text;
}

}  // namespace w8a16::testing
