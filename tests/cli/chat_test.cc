#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "cli/command.h"

namespace w8a16::testing {
namespace {

using ::testing::HasSubstr;

// A model that continues what was said, with a template.
class Chat : public ::testing::Test {
 protected:
  Chat() {
    UseTemplate(
        "{{ bos_token }}{% for m in messages %}{{ m.role[0] }}:{{ m.content }}\n{% endfor %}"
        "{% if add_generation_prompt %}a:{% endif %}");
  }
  void UseTemplate(const std::string& text) const {
    const Json config = {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"chat_template", text}};
    WriteFile(model_ / "tokenizer_config.json", config.dump());
  }
  ProcessResult Run(const std::string& input, std::vector<std::string> options = {}) const {
    options.insert(options.begin(), {"chat", model_.path(), "--max-new-tokens", "6"});
    return W8A16(options, {}, input);
  }
  Json RunJson(const std::string& input, std::vector<std::string> options = {}) const {
    options.emplace_back("--json");
    const ProcessResult result = Run(input, options);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.exit_code == 0 ? Json::parse(result.out) : Json::object();
  }
  // What generate makes of the whole conversation.
  Json Generated(const std::string& conversation) const {
    return W8A16Json({"generate", model_.path(), "--prompt", conversation, "--max-new-tokens", "6"});
  }
  TinyModel model_;
};

TEST_F(Chat, AnswersAreThoseOfTheRenderedConversation) {
  const Json chat = RunJson("hi\nand you\n", {"--system", "be"});
  ASSERT_EQ(chat["answers"].size(), 2);
  const Json first = Generated("s:be\nu:hi\na:");
  const auto text = first["text"].get<std::string>();
  EXPECT_EQ(chat["answers"][0]["ids"], first["ids"]);
  EXPECT_EQ(chat["answers"][0]["text"], text);
  const Json second = Generated("s:be\nu:hi\na:" + text + "\nu:and you\na:");
  EXPECT_EQ(chat["answers"][1]["ids"], second["ids"]);
  EXPECT_EQ(chat["messages"], Json({{{"role", "system"}, {"content", "be"}},
                                    {{"role", "user"}, {"content", "hi"}},
                                    {{"role", "assistant"}, {"content", text}},
                                    {{"role", "user"}, {"content", "and you"}},
                                    {{"role", "assistant"}, {"content", second["text"]}}}));
}

// With the model that is shipped: encoding its answers gives their tokens again.
TEST(ChatDemo, OnlyNewTokensAreRun) {
  const TempDir scratch;
  std::filesystem::copy(W8A16_SOURCE_DIR "/models/demo", scratch / "model");
  WriteFile(scratch / "model" / "chat_template.jinja",
            "{{ bos_token }}{% for m in messages %}{{ m.content }} {% endfor %}");
  const ProcessResult result = W8A16({"chat", scratch / "model", "--max-new-tokens", "10", "--json"}, {},
                                     "One rainy morning, Mia\nThe old dog\n");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json answers = Json::parse(result.out)["answers"];
  const int64_t before = answers[0]["prompt_tokens"];
  EXPECT_EQ(answers[0]["prefilled_tokens"], before);
  // The last token of the answer, which had not been run, and what was asked.
  const int64_t fresh = answers[1]["prefilled_tokens"];
  EXPECT_EQ(answers[1]["prompt_tokens"], before + 9 + fresh);
  EXPECT_LT(fresh, 8);
}

TEST_F(Chat, ATemplateThatRewritesHistoryGetsTheSameAnswers) {
  // The beginning depends on how long the conversation is: nothing can be kept.
  UseTemplate("{{ messages | length }}{% for m in messages %}|{{ m.content }}{% endfor %}|");
  const Json answers = RunJson("hi\nyou\n")["answers"];
  EXPECT_EQ(answers[1]["prefilled_tokens"], answers[1]["prompt_tokens"]);
}

TEST_F(Chat, StreamedTextIsTheAnswers) {
  const Json answers = RunJson("hi\nyou\n")["answers"];
  const ProcessResult streamed = Run("hi\n\nyou\n");
  EXPECT_EQ(streamed.exit_code, 0);
  EXPECT_EQ(streamed.out, answers[0]["text"].get<std::string>() + "\n" + answers[1]["text"].get<std::string>() + "\n");
}

TEST_F(Chat, Commands) {
  const Json chat = RunJson("hi\n/reset\nhi\n/exit\nnever read\n", {"--system", "be"});
  ASSERT_EQ(chat["answers"].size(), 2);
  EXPECT_EQ(chat["answers"][0]["ids"], chat["answers"][1]["ids"]);
  EXPECT_EQ(chat["messages"].size(), 3);
  const ProcessResult unknown = Run("/rest\n");
  EXPECT_EQ(unknown.out, "");
  EXPECT_THAT(unknown.err, ::testing::AllOf(HasSubstr("unknown command /rest"), HasSubstr("/reset")));
  EXPECT_EQ(RunJson("/usr/bin is a path\n")["messages"].size(), 2);
}

TEST_F(Chat, AnswersEndAtTheTokenizersEndOfText) {
  const Json free = RunJson("hi\n");
  const auto text = free["answers"][0]["text"].get<std::string>();
  const Json ids = free["answers"][0]["ids"];
  Json config = ReadJson(model_ / "tokenizer_config.json");
  const Json tokenizer = Json::parse(TinyTokenizer());
  for (const auto& [token, id] : tokenizer["model"]["vocab"].items()) {
    if (id == ids[2]) config["eos_token"] = token;
  }
  WriteFile(model_ / "tokenizer_config.json", config.dump());
  const Json ended = RunJson("hi\n")["answers"][0];
  EXPECT_EQ(ended["finish_reason"], "eos");
  EXPECT_LE(ended["ids"].size(), 2);
}

TEST_F(Chat, StopStringsAndSampling) {
  const auto text = RunJson("hi\n")["answers"][0]["text"].get<std::string>();
  const Json stopped = RunJson("hi\n", {"--stop", text.substr(2, 2)})["answers"][0];
  EXPECT_EQ(stopped["finish_reason"], "stop");
  EXPECT_EQ(stopped["text"], text.substr(0, text.find(text.substr(2, 2))));
  const std::vector<std::string> sampled = {"--temperature", "2", "--seed", "3"};
  EXPECT_EQ(RunJson("hi\n", sampled), RunJson("hi\n", sampled));
  EXPECT_NE(RunJson("hi\n", sampled)["answers"][0]["text"], text);
}

TEST_F(Chat, SaysWhereTheContextEnds) {
  const ProcessResult cut = Run("hi\n", {"--context", "10"});
  EXPECT_EQ(cut.exit_code, 0);
  EXPECT_THAT(cut.err, HasSubstr("cut: the context of 10 tokens is full"));
  const ProcessResult full = Run("hi\nmore and more\n/reset\nyo\n", {"--context", "16"});
  EXPECT_EQ(full.exit_code, 0);
  EXPECT_THAT(full.err, HasSubstr("not asked: the conversation no longer fits the context of 16 tokens; /reset"));
  const Json json = RunJson("hi\nmore and more\n", {"--context", "16"});
  EXPECT_EQ(json["messages"].size(), 2);
  EXPECT_EQ(json["answers"][1]["finish_reason"], "context");
}

TEST_F(Chat, WithoutTemplateOrTokenizer) {
  std::filesystem::remove(model_ / "tokenizer_config.json");
  ExpectFailure(Run("hi\n"), {model_.path(), "no chat template", "w8a16 generate"});
  std::filesystem::remove(model_ / "tokenizer.json");
  ExpectFailure(Run("hi\n"), {"tokenizer.json"});
}

TEST_F(Chat, TheTemplatesErrorsAreShown) {
  UseTemplate("{% if messages[0].role == 'system' %}{{ raise_exception('no system messages, please') }}{% endif %}x");
  ExpectFailure(Run("hi\n", {"--system", "s"}), {"tokenizer_config.json", "line 1", "no system messages, please"});
  EXPECT_EQ(Run("hi\n").exit_code, 0);
}

TEST_F(Chat, AnInterruptEndsTheAnswerNotTheConversation) {
  // An answer that would take long, were it not interrupted: no end of text, a large context, a slow kernel.
  model_.ChangeConfig([](Json& config) {
    config["max_position_embeddings"] = 1'000'000;
    config["eos_token_id"] = 150;
  });
  const Json config = {{"chat_template", "{% for m in messages %}{{ m.content }}{% endfor %}"}};
  WriteFile(model_ / "tokenizer_config.json", config.dump());
  int in[2];
  int out[2];
  ASSERT_EQ(pipe(in) + pipe(out), 0);
  for (const int end : {in[1], out[0]}) fcntl(end, F_SETFD, FD_CLOEXEC);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  std::string program = W8A16_BINARY_DIR "/w8a16";
  std::string directory = model_.path();
  std::string command = "chat";
  std::array<char*, 4> argv = {program.data(), command.data(), directory.data(), nullptr};
  pid_t child = 0;
  ASSERT_EQ(posix_spawn(&child, argv[0], &actions, nullptr, argv.data(), environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);

  ASSERT_EQ(write(in[1], "hi\n", 3), 3);
  char first = 0;
  ASSERT_EQ(read(out[0], &first, 1), 1);  // the answer has begun
  kill(child, SIGINT);
  ASSERT_EQ(write(in[1], "/exit\n", 6), 6);
  std::array<char, 4096> rest{};
  std::string text(1, first);
  for (ssize_t got = 1; (got = read(out[0], rest.data(), rest.size())) > 0;)
    text.append(rest.data(), static_cast<size_t>(got));
  int status = 0;
  waitpid(child, &status, 0);
  close(in[1]);
  close(out[0]);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_TRUE(text.ends_with('\n'));
}

}  // namespace
}  // namespace w8a16::testing
