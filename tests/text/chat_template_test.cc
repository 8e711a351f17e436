#include "text/chat_template.h"

#include <fstream>

#include "testing/files.h"

namespace w8a16 {
namespace {

using testing::ExpectError;

class ChatTemplateTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) const { std::ofstream(dir_ / name) << text; }
  std::string Render(const Json& messages = Json::array(), bool prompt = true) const {
    return ChatTemplate::Load(dir_.path())->Render(messages, prompt);
  }
  testing::TempDir dir_;
};

TEST_F(ChatTemplateTest, NoneIsNothing) {
  EXPECT_FALSE(ChatTemplate::Load(dir_.path()));
  Write("tokenizer_config.json", R"({"bos_token": "<s>", "chat_template": null})");
  EXPECT_FALSE(ChatTemplate::Load(dir_.path()));
}

TEST_F(ChatTemplateTest, FromTheTokenizersConfig) {
  Write("tokenizer_config.json",
        R"({"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false}, "unk_token": null,
            "chat_template": "{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}?{% endif %}"})");
  const Json messages = {{{"role", "user"}, {"content", "hi"}}};
  EXPECT_EQ(Render(messages, true), "<s>user: hi</s>?");
  EXPECT_EQ(Render(messages, false), "<s>user: hi</s>");
  EXPECT_EQ(ChatTemplate::Load(dir_.path())->EosToken(), "</s>");
}

TEST_F(ChatTemplateTest, TheDefaultOfSeveral) {
  Write("tokenizer_config.json",
        R"({"chat_template": [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]})");
  EXPECT_EQ(Render(), "d");
  Write("tokenizer_config.json", R"({"chat_template": [{"name": "tool_use", "template": "t"}]})");
  ExpectError([&] { Render(); }, {"tokenizer_config.json", "none of the templates is named default", "tool_use"});
  Write("tokenizer_config.json", R"({"chat_template": [{"name": "default"}]})");
  ExpectError([&] { Render(); }, {"tokenizer_config.json", "a name and a template"});
  Write("tokenizer_config.json", R"({"chat_template": 5})");
  ExpectError([&] { Render(); }, {"tokenizer_config.json", "a template or a list"});
}

TEST_F(ChatTemplateTest, FilesOfTheirOwn) {
  Write("chat_template.json", R"({"chat_template": "json"})");
  EXPECT_EQ(Render(), "json");
  Write("tokenizer_config.json", R"({"chat_template": "config"})");
  EXPECT_EQ(Render(), "config");
  Write("chat_template.jinja", "{{ 'jinja' }}\n");
  EXPECT_EQ(Render(), "jinja");
}

TEST_F(ChatTemplateTest, SpecialTokensMap) {
  Write("special_tokens_map.json", R"({"bos_token": "<a>", "pad_token": {"content": "<p>"}})");
  Write("tokenizer_config.json", R"({"bos_token": "<b>"})");
  Write("chat_template.jinja", "{{ bos_token }}{{ pad_token }}{{ eos_token is defined }}");
  EXPECT_EQ(Render(), "<b><p>False");
  EXPECT_EQ(ChatTemplate::Load(dir_.path())->EosToken(), "");
}

TEST_F(ChatTemplateTest, WhatTransformersAlwaysGives) {
  Write("chat_template.jinja",
        "{{ tools is none }} {{ documents is none }} {{ tools is defined }} {{ strftime_now('%Y') | int > 2023 }}");
  EXPECT_EQ(Render(), "True True True True");
}

TEST_F(ChatTemplateTest, ErrorsNameTheFile) {
  Write("chat_template.jinja", "\n{{ raise_exception('no') }}");
  ExpectError([&] { Render(); }, {(dir_ / "chat_template.jinja").string() + ": line 2: no"});
  Write("chat_template.jinja", "{% if %}");
  ExpectError([&] { Render(); }, {"chat_template.jinja: line 1"});
  std::filesystem::remove(dir_ / "chat_template.jinja");
  Write("tokenizer_config.json", R"({"chat_template": "{{ x.y }}"})");
  ExpectError([&] { Render(); }, {"tokenizer_config.json: chat_template: line 1: 'x' is undefined"});
  Write("tokenizer_config.json", "[]");
  ExpectError([&] { Render(); }, {"tokenizer_config.json", "object"});
}

}  // namespace
}  // namespace w8a16
