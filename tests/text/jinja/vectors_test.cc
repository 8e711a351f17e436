#include <gtest/gtest.h>

#include <ctime>

#include "testing/goldens.h"
#include "text/jinja/template.h"
#include "w8a16/error.h"

namespace w8a16::jinja {
namespace {

using testing::ReadJson;

const std::filesystem::path kDirectory = W8A16_SOURCE_DIR "/tests/data/chat_templates";

// What tools/chat_template_vectors.py rendered at: 5 March 2024, 14:07:09, a Tuesday.
std::tm Now() {
  std::tm now{};
  now.tm_year = 124;
  now.tm_mon = 2;
  now.tm_mday = 5;
  now.tm_hour = 14;
  now.tm_min = 7;
  now.tm_sec = 9;
  now.tm_wday = 2;
  now.tm_yday = 64;
  return now;
}

// Expects what Jinja gave: the same text, an error that ends with the template's own message, or any error.
void Check(const std::string& text, const Json& variables, const Json& expected) {
  try {
    const std::string output = Template::Parse(text, "template").Render(variables, Now());
    if (expected.contains("output")) {
      EXPECT_EQ(output, expected["output"].get<std::string>());
    } else {
      ADD_FAILURE() << "rendered as \"" << output << "\"; Jinja: " << expected.dump();
    }
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_FALSE(expected.contains("output")) << message;
    EXPECT_TRUE(message.starts_with("template: line ")) << message;
    if (expected.contains("raises")) {
      EXPECT_TRUE(message.ends_with(": " + expected["raises"].get<std::string>())) << message;
    }
  }
}

TEST(JinjaVectors, Constructs) {
  const Json vectors = ReadJson(kDirectory / "vectors.json");
  EXPECT_GT(vectors["constructs"].size(), 150);
  for (const Json& construct : vectors["constructs"]) {
    SCOPED_TRACE(construct["text"].get<std::string>());
    Check(construct["text"].get<std::string>(), vectors["variables"], construct);
  }
}

TEST(JinjaVectors, ChatTemplates) {
  const Json vectors = ReadJson(kDirectory / "vectors.json");
  EXPECT_GT(vectors["templates"].size(), 200);
  for (const Json& rendered : vectors["templates"]) {
    const auto name = rendered["template"].get<std::string>();
    const auto conversation = rendered["conversation"].get<std::string>();
    SCOPED_TRACE(name + ", " + conversation);
    Json variables = {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"tools", nullptr}, {"documents", nullptr}};
    for (const auto& [key, value] : vectors["conversations"][conversation].items()) variables[key] = value;
    Check(ReadTextFile(kDirectory / "templates" / (name + ".jinja")), variables, rendered);
  }
}

}  // namespace
}  // namespace w8a16::jinja
