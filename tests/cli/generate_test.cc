#include "cli/command.h"

namespace w8a16::testing {
namespace {

using ::testing::HasSubstr;

TEST(Generate, JsonDocument) {
  const TinyModel model;
  const Json result =
      W8A16Json({"generate", model.path(), "--prompt", "hello", "--max-new-tokens", "5", "--ignore-eos"});
  EXPECT_THAT(Keys(result),
              ::testing::IsSupersetOf({"prompt_ids", "ids", "text", "finish_reason", "prefill_tokens_per_second",
                                       "decode_tokens_per_second", "peak_resident_bytes", "weight_bytes"}));
  // <s>, then a character for each token from '!' = 3 on.
  EXPECT_EQ(result["prompt_ids"], Json({1, 'h' - 30, 'e' - 30, 'l' - 30, 'l' - 30, 'o' - 30}));
  EXPECT_EQ(result["ids"].size(), 5);
  EXPECT_EQ(result["finish_reason"], "length");
  EXPECT_GT(result["prefill_tokens_per_second"], 0.0);
  EXPECT_GT(result["decode_tokens_per_second"], 0.0);
  EXPECT_GT(result["peak_resident_bytes"], 1'000'000);
  EXPECT_GT(result["weight_bytes"], 100'000);
}

TEST(Generate, StreamedTextIsTheJsonText) {
  const TinyModel model;
  const std::vector<std::string> command = {"generate", model.path(), "--prompt", "To be", "--max-new-tokens", "40"};
  const Json json = W8A16Json(command);
  const ProcessResult streamed = W8A16(command);
  EXPECT_EQ(streamed.exit_code, 0);
  EXPECT_EQ(streamed.out, json["text"].get<std::string>() + "\n");
  EXPECT_THAT(streamed.err, ::testing::AllOf(HasSubstr("tokens/s"), HasSubstr("peak")));
}

TEST(Generate, GoldenModel) {
  const TinyModel model;
  const Json golden = ReadJson(GoldenDirectory("llama-gqa") / "golden.json");
  const std::string prompt = IdList(golden["input_ids"]);
  const auto generate = [&](const std::string& weights) {
    return W8A16Json({"generate", model.path(), "--prompt-ids", prompt, "--max-new-tokens", "16", "--ignore-eos",
                      "--weights", weights})["ids"];
  };
  EXPECT_EQ(generate("original"), golden["greedy"]);
  EXPECT_EQ(generate("w8a16"), golden["w8a16_greedy"]);
}

TEST(Generate, SampledTextDependsOnTheSeedAlone) {
  const TinyModel model;
  const auto generate = [&](const std::string& seed, const std::string& threads) {
    return W8A16Json({"generate", model.path(), "--prompt-ids", "1,2,3", "--max-new-tokens", "30", "--ignore-eos",
                      "--temperature", "1.5", "--top-k", "50", "--top-p", "0.95", "--seed", seed, "--threads",
                      threads})["ids"];
  };
  const Json first = generate("7", "1");
  EXPECT_EQ(generate("7", "2"), first);
  EXPECT_NE(generate("8", "1"), first);
}

TEST(Generate, PromptFromStandardInputLosesOneNewline) {
  const TinyModel model;
  const ProcessResult result =
      W8A16({"generate", model.path(), "--prompt", "-", "--max-new-tokens", "1", "--json"}, {}, "ab\n\n");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(Json::parse(result.out)["prompt_ids"], Json({1, 'a' - 30, 'b' - 30, 98}));
}

TEST(Generate, NoNewTokens) {
  const TinyModel model;
  const Json result = W8A16Json({"generate", model.path(), "--prompt-ids", "5", "--max-new-tokens", "0"});
  EXPECT_EQ(result["ids"], Json::array());
  EXPECT_EQ(result["text"], "");
  EXPECT_EQ(result["decode_tokens_per_second"], 0.0);
}

TEST(Generate, EndsAtEndOfText) {
  const TinyModel model;
  const std::vector<std::string> command = {"generate", model.path(),       "--prompt-ids",
                                            "1,17,93",  "--max-new-tokens", "8"};
  const Json free = W8A16Json(command);
  ASSERT_EQ(free["ids"].size(), 8);
  model.ChangeConfig([&](Json& config) { config["eos_token_id"] = {2, free["ids"][3]}; });
  const Json ended = W8A16Json(command);
  EXPECT_EQ(ended["finish_reason"], "eos");
  EXPECT_LE(ended["ids"].size(), 3);
  EXPECT_EQ(ended["ids"], Json(std::vector<Json>(free["ids"].begin(), free["ids"].begin() + ended["ids"].size())));
  std::vector<std::string> on = command;
  on.emplace_back("--ignore-eos");
  EXPECT_EQ(W8A16Json(on)["ids"], free["ids"]);
}

TEST(Generate, EndsAtTheContext) {
  const TinyModel model;
  const Json result = W8A16Json({"generate", model.path(), "--prompt-ids", "1,2,3", "--context", "6", "--ignore-eos"});
  EXPECT_EQ(result["finish_reason"], "context");
  EXPECT_LE(result["ids"].size(), 4);
  EXPECT_GE(result["ids"].size(), 3);
}

TEST(Generate, PromptLongerThanTheContext) {
  const TinyModel model;
  ExpectFailure(W8A16({"generate", model.path(), "--prompt-ids", "1,2,3,4,5", "--context", "4"}),
                {"context", "4", "5"});
}

TEST(Generate, IdsOutsideTheVocabulary) {
  const TinyModel model;
  ExpectFailure(W8A16({"generate", model.path(), "--prompt-ids", "1,160"}), {"160", "vocabulary"});
}

TEST(Generate, EmptyPrompt) {
  const TinyModel model;
  Json tokenizer = Json::parse(TinyTokenizer());
  tokenizer["post_processor"] = nullptr;
  WriteFile(model / "tokenizer.json", tokenizer.dump());
  ExpectFailure(W8A16({"generate", model.path(), "--prompt", ""}), {"prompt is empty"});
}

TEST(Generate, WithoutTokenizer) {
  const TinyModel model;
  std::filesystem::remove(model / "tokenizer.json");
  ExpectFailure(W8A16({"generate", model.path(), "--prompt", "hello"}), {"tokenizer.json", "--prompt-ids"});
  // Ids need none; they are printed as they would be given.
  const std::vector<std::string> command = {"generate",         model.path(), "--prompt-ids", "1, 17",
                                            "--max-new-tokens", "3",          "--ignore-eos"};
  const ProcessResult result = W8A16(command);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, IdList(W8A16Json(command)["ids"]) + "\n");
}

TEST(Generate, BrokenTokenizer) {
  const TinyModel model;
  WriteFile(model / "tokenizer.json", "{");
  ExpectFailure(W8A16({"generate", model.path(), "--prompt", "hello"}), {"tokenizer.json"});
  const ProcessResult result = W8A16({"generate", model.path(), "--prompt-ids", "1", "--max-new-tokens", "2"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("warning: "));
}

TEST(Generate, StopStringsEndTheText) {
  const TinyModel model;
  const std::vector<std::string> command = {"generate",         model.path(), "--prompt",    "To be",
                                            "--max-new-tokens", "30",         "--ignore-eos"};
  const auto text = W8A16Json(command)["text"].get<std::string>();
  ASSERT_GT(text.size(), 12U);
  const std::string stop = text.substr(8, 3);
  std::vector<std::string> stopping = command;
  stopping.insert(stopping.end(), {"--stop", "never seen", "--stop", stop});
  const Json stopped = W8A16Json(stopping);
  EXPECT_EQ(stopped["text"], text.substr(0, text.find(stop)));
  EXPECT_EQ(stopped["finish_reason"], "stop");
  const ProcessResult streamed = W8A16(stopping);
  EXPECT_EQ(streamed.out, stopped["text"].get<std::string>() + "\n");
  EXPECT_THAT(streamed.err, HasSubstr("ended by stop"));
  // What only might have been a beginning comes out at the end.
  std::vector<std::string> withheld = command;
  withheld.insert(withheld.end(), {"--stop", text.substr(text.size() - 2) + "\x01"});
  EXPECT_EQ(W8A16Json(withheld)["text"], text);
}

TEST(Generate, StopNeedsATokenizer) {
  const TinyModel model;
  std::filesystem::remove(model / "tokenizer.json");
  ExpectFailure(W8A16({"generate", model.path(), "--prompt-ids", "1", "--stop", "a"}), {"--stop", "tokenizer"});
}

TEST(Generate, SeveralPromptsGetWhatEachGetsAlone) {
  const TinyModel model;
  const std::vector<std::string> prompts = {"To be", "or", "not to be", "that", "is"};
  std::string lines;
  for (const std::string& prompt : prompts) lines += prompt + "\n";
  WriteFile(model / "prompts.txt", lines);
  WriteFile(model / "prompts.json", Json(prompts).dump());
  const std::vector<std::string> options = {"--max-new-tokens", "12", "--temperature", "1",
                                            "--seed",           "4",  "--logprobs"};
  std::vector<Json> alone;
  for (const std::string& prompt : prompts) {
    std::vector<std::string> command = {"generate", model.path(), "--prompt", prompt};
    command.insert(command.end(), options.begin(), options.end());
    alone.push_back(W8A16Json(command));
  }
  for (const char* file : {"prompts.txt", "prompts.json"}) {
    for (const char* threads : {"1", "2", "3"}) {
      std::vector<std::string> command = {"generate", model.path(), "--prompts", model / file,
                                          "--batch",  "3",          "--threads", threads};
      command.insert(command.end(), options.begin(), options.end());
      const Json results = W8A16Json(command);
      ASSERT_EQ(results.size(), prompts.size());
      for (size_t i = 0; i < prompts.size(); ++i) {
        for (const char* key : {"prompt_ids", "ids", "text", "finish_reason", "logprobs"}) {
          EXPECT_EQ(results[i][key], alone[i][key]) << key << " of " << prompts[i];
        }
      }
    }
  }
}

TEST(Generate, SeveralPromptsForPeople) {
  const TinyModel model;
  WriteFile(model / "prompts.txt", "ab\ncd\n");
  const std::vector<std::string> command = {"generate",         model.path(), "--prompts",   model / "prompts.txt",
                                            "--max-new-tokens", "4",          "--ignore-eos"};
  const Json json = W8A16Json(command);
  const ProcessResult printed = W8A16(command);
  EXPECT_EQ(printed.out, "--- 1 (length)\n" + json[0]["text"].get<std::string>() + "\n--- 2 (length)\n" +
                             json[1]["text"].get<std::string>() + "\n");
  EXPECT_THAT(printed.err, HasSubstr("2 prompts, 8 new tokens"));
}

TEST(Generate, Logprobs) {
  const TinyModel model;
  const std::vector<std::string> command = {"generate",         model.path(), "--prompt",     "ab",
                                            "--max-new-tokens", "3",          "--ignore-eos", "--logprobs"};
  const Json json = W8A16Json(command);
  ASSERT_EQ(json["logprobs"].size(), 3);
  for (const Json& logprob : json["logprobs"]) EXPECT_LT(logprob, 0.0);
  const ProcessResult printed = W8A16(command);
  EXPECT_TRUE(printed.out.starts_with(json["text"].get<std::string>() + "\n")) << printed.out;
  EXPECT_THAT(printed.out, HasSubstr("logprob"));
  EXPECT_FALSE(W8A16Json({"generate", model.path(), "--prompt", "ab", "--max-new-tokens", "3"}).contains("logprobs"));
}

TEST(Generate, GenerationConfigIsHonoured) {
  const TinyModel model;
  const auto generate = [&](const std::vector<std::string>& options) {
    std::vector<std::string> command = {"generate", model.path(), "--prompt-ids", "1,17,93", "--ignore-eos"};
    command.insert(command.end(), options.begin(), options.end());
    return W8A16Json(command)["ids"];
  };
  const Json greedy = generate({"--max-new-tokens", "12"});
  const Json sampled = generate({"--max-new-tokens", "12", "--temperature", "1.5", "--top-k", "30", "--seed", "5"});
  ASSERT_NE(greedy, sampled);
  const auto write = [&](bool do_sample) {
    const Json config = {
        {"do_sample", do_sample}, {"temperature", 1.5}, {"top_k", 30}, {"max_new_tokens", 12}, {"eos_token_id", {2}}};
    WriteFile(model / "generation_config.json", config.dump());
  };
  write(true);
  EXPECT_EQ(generate({"--seed", "5"}), sampled);
  EXPECT_EQ(generate({"--greedy"}), greedy);
  EXPECT_EQ(generate({"--temperature", "0"}), greedy);
  EXPECT_EQ(generate({"--greedy", "--max-new-tokens", "3"}).size(), 3);
  EXPECT_EQ(generate({"--top-k", "1"}), greedy);
  write(false);
  EXPECT_EQ(generate({"--seed", "5"}), greedy);
  WriteFile(model / "generation_config.json", R"({"do_sample": true, "top_p": "all"})");
  ExpectFailure(W8A16({"generate", model.path(), "--prompt-ids", "1"}), {"generation_config.json", "top_p"});
}

// The trained model, with the ids that transformers gives.
class GenerateStories : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = StoriesDirectory();
    if (directory_.empty()) GTEST_SKIP() << "the model stories260K is not here";
    golden_ = ReadJson(directory_ / "golden.json");
  }
  void ExpectGolden(const std::string& model, const std::string& weights, const std::string& key) const {
    for (const Json& generation : golden_["generations"]) {
      const Json result =
          W8A16Json({"generate", model, "--prompt", generation["prompt"].get<std::string>(), "--max-new-tokens",
                     std::to_string(generation[key].size()), "--ignore-eos", "--weights", weights});
      EXPECT_EQ(result["prompt_ids"], generation["input_ids"]);
      EXPECT_EQ(result["ids"], generation[key]);
    }
  }
  std::filesystem::path directory_;
  Json golden_;
};

TEST_F(GenerateStories, Float) { ExpectGolden(directory_, "auto", "greedy"); }

TEST_F(GenerateStories, QuantizedWhileLoading) { ExpectGolden(directory_, "w8a16", "w8a16_greedy"); }

TEST_F(GenerateStories, BothQuantizedForms) {
  for (const char* format : {"pack-quantized", "int-quantized"}) {
    const TempDir scratch;
    ASSERT_EQ(W8A16({"quantize", directory_, scratch / "out", "--format", format}).exit_code, 0);
    ExpectGolden(scratch / "out", "auto", "w8a16_greedy");
  }
}

TEST_F(GenerateStories, TextContinuesThePrompt) {
  const Json result = W8A16Json({"generate", directory_, "--prompt", "The little dog", "--max-new-tokens", "2"});
  EXPECT_EQ(result["text"], " was a");
}

}  // namespace
}  // namespace w8a16::testing
