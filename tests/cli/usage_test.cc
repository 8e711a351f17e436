#include "cli/command.h"

namespace w8a16::testing {
namespace {

using ::testing::HasSubstr;

TEST(Usage, NoCommand) { ExpectWrongUsage(W8A16({}), {"subcommand"}); }

TEST(Usage, UnknownCommandAndOption) {
  ExpectWrongUsage(W8A16({"quantise", "a", "b"}), {"w8a16 --help"});
  ExpectWrongUsage(W8A16({"quantize", "a", "b", "--bits", "4"}), {"--bits", "w8a16 quantize --help"});
  ExpectWrongUsage(W8A16({"bench"}), {"w8a16 bench --help"});
  ExpectWrongUsage(W8A16({"bench", "linear", "extra"}), {"extra", "w8a16 bench linear --help"});
}

TEST(Usage, MissingArguments) {
  ExpectWrongUsage(W8A16({"quantize", "only-one"}), {"DST"});
  ExpectWrongUsage(W8A16({"generate"}), {"MODEL"});
  ExpectWrongUsage(W8A16({"logits", "model"}), {"--prompt-ids"});
  ExpectWrongUsage(W8A16({"eval", "model"}), {"--documents"});
  ExpectWrongUsage(W8A16({"inspect"}), {"PATH"});
  ExpectWrongUsage(W8A16({"bench", "model"}), {"MODEL"});
}

TEST(Usage, ExactlyOnePrompt) {
  ExpectWrongUsage(W8A16({"generate", "model"}), {"--prompt", "--prompt-ids"});
  ExpectWrongUsage(W8A16({"generate", "model", "--prompt", "a", "--prompt-ids", "1"}), {"--prompt", "--prompt-ids"});
  ExpectWrongUsage(W8A16({"generate", "model", "--prompt", "a", "--prompts", "f"}), {"--prompt", "--prompts"});
}

TEST(Usage, ValuesOutOfRange) {
  const auto generate = [](const std::string& option, const std::string& value) {
    return W8A16({"generate", "model", "--prompt-ids", "1", option, value});
  };
  for (const char* option : {"--dtype", "--weights"}) ExpectWrongUsage(generate(option, "int4"), {option, "int4"});
  ExpectWrongUsage(generate("--dtype", "f64"), {"bf16"});
  ExpectWrongUsage(generate("--threads", "0"), {"--threads"});
  ExpectWrongUsage(generate("--threads", "two"), {"--threads"});
  ExpectWrongUsage(generate("--context", "0"), {"--context"});
  ExpectWrongUsage(generate("--max-new-tokens", "-1"), {"--max-new-tokens"});
  ExpectWrongUsage(generate("--temperature", "-0.5"), {"--temperature"});
  ExpectWrongUsage(generate("--top-k", "-1"), {"--top-k"});
  ExpectWrongUsage(generate("--top-p", "1.5"), {"--top-p"});
  ExpectWrongUsage(generate("--top-p", "0"), {"--top-p"});
  ExpectWrongUsage(generate("--min-p", "1.5"), {"--min-p"});
  ExpectWrongUsage(generate("--repetition-penalty", "0"), {"--repetition-penalty"});
  ExpectWrongUsage(generate("--stop", ""), {"--stop", "empty"});
  ExpectWrongUsage(generate("--batch", "0"), {"--batch"});
  ExpectWrongUsage(W8A16({"generate", "model", "--prompt", "a", "--greedy", "--temperature", "1"}),
                   {"--greedy", "--temperature"});
  ExpectWrongUsage(W8A16({"quantize", "a", "b", "--format", "gguf"}), {"pack-quantized", "int-quantized"});
  ExpectWrongUsage(W8A16({"bench", "linear", "--m", "0"}), {"--m"});
  ExpectWrongUsage(W8A16({"bench", "linear", "--n", "0"}), {"--n"});
}

TEST(Usage, MalformedIds) {
  for (const char* ids : {"", "1,,2", "1,x", "1;2", "1.5", "-3", "99999999999", "1,2,"}) {
    ExpectWrongUsage(W8A16({"generate", "model", "--prompt-ids=" + std::string(ids)}), {"--prompt-ids"});
  }
}

TEST(Usage, Version) {
  const ProcessResult result = W8A16({"--version"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, ::testing::MatchesRegex("w8a16 [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

struct HelpCase {
  std::vector<std::string> command;
  std::vector<std::string> shown;
};

TEST(Usage, HelpListsEveryOption) {
  const std::vector<std::string> model = {"MODEL", "--dtype", "--weights", "--context", "--threads", "--json"};
  const std::vector<HelpCase> cases = {
      {{}, {"demo", "quantize", "generate", "chat", "logits", "eval", "inspect", "bench", "--version", "W8A16_ISA"}},
      {{"demo"}, {"--threads", "--json", "--prompt"}},
      {{"quantize"}, {"SRC", "DST", "--ignore", "--no-default-ignore", "--format", "--force", "--threads", "--json"}},
      {{"generate"},
       {"--prompt", "--prompt-ids", "--prompts", "--batch", "--max-new-tokens", "--temperature", "--greedy", "--top-k",
        "--top-p", "--min-p", "--repetition-penalty", "--seed", "--stop", "--ignore-eos", "--logprobs",
        "generation_config.json"}},
      {{"chat"}, {"--system", "--max-new-tokens", "--temperature", "--stop", "generation_config.json"}},
      {{"logits"}, {"--prompt-ids"}},
      {{"eval"}, {"--documents", "--against"}},
      {{"inspect"}, {"PATH", "--verify", "--json"}},
      {{"bench"}, {"linear", "model"}},
      {{"bench", "linear"}, {"--m", "--n", "--k", "--dtype", "--threads", "--json"}},
      {{"bench", "model"}, {"--prompt-tokens", "--new-tokens"}}};
  for (const HelpCase& help : cases) {
    std::vector<std::string> command = help.command;
    command.emplace_back("--help");
    const ProcessResult result = W8A16(command);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.err, "");
    for (const std::string& option : help.shown) EXPECT_THAT(result.out, HasSubstr(option));
    const bool runs_model = ::testing::Value(result.out, HasSubstr("MODEL")) && help.command.size() > 0;
    if (!runs_model) continue;
    for (const std::string& option : model) EXPECT_THAT(result.out, HasSubstr(option)) << help.command.front();
  }
}

TEST(Usage, UnknownInstructionSetListsTheAvailableOnes) {
  const TinyModel model;
  const ProcessResult result = W8A16({"generate", model.path(), "--prompt-ids", "1"}, {"W8A16_ISA=mmx"});
  ExpectFailure(result, {"W8A16_ISA", "mmx", "ref"});
}

TEST(Usage, FullDiskIsAnError) {
  const ProcessResult result = RunProcess(
      {"/bin/sh", "-c", W8A16_BINARY_DIR "/w8a16 inspect \"$0\" > /dev/full", GoldenDirectory("llama-gqa").string()});
  ExpectFailure(result, {"standard output"});
}

}  // namespace
}  // namespace w8a16::testing
