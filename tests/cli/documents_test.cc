#include "cli/documents.h"

#include "testing/tiny_model.h"

namespace w8a16::testing {
namespace {

using ::testing::ElementsAre;

class Documents : public ::testing::Test {
 protected:
  std::vector<std::string> Read(const std::string& name, const std::string& text) const {
    WriteFile(dir_ / name, text);
    return ReadDocuments(dir_ / name);
  }
  TempDir dir_;
};

TEST_F(Documents, JsonListOfStrings) {
  EXPECT_THAT(Read("a.json", R"(["one", "", "two\n"])"), ElementsAre("one", "", "two\n"));
  EXPECT_THAT(Read("list", " [\"one\"]\n"), ElementsAre("one"));
}

TEST_F(Documents, TextIsOneDocumentAsItIs) {
  EXPECT_THAT(Read("a.txt", "One.\n\nTwo.\n"), ElementsAre("One.\n\nTwo.\n"));
  EXPECT_THAT(Read("b.txt", "[sic] this is text"), ElementsAre("[sic] this is text"));
  EXPECT_THAT(Read("c.txt", "[1, 2]"), ElementsAre("[1, 2]"));
}

TEST_F(Documents, AJsonFileMustBeAListOfStrings) {
  ExpectError([&] { Read("a.json", "[1]"); }, {"a.json", "list of strings"});
  ExpectError([&] { Read("a.json", "text"); }, {"a.json"});
  ExpectError([&] { Read("a.json", "[]"); }, {"a.json", "empty"});
}

TEST_F(Documents, PromptsAreLinesOrAJsonList) {
  const auto read = [&](const std::string& name, const std::string& text) {
    WriteFile(dir_ / name, text);
    return ReadPrompts(dir_ / name);
  };
  EXPECT_THAT(read("p.txt", "one\r\n\n two \nthree"), ElementsAre("one", " two ", "three"));
  EXPECT_THAT(read("p.json", R"(["one\ntwo", ""])"), ElementsAre("one\ntwo", ""));
  EXPECT_THAT(read("list", R"(["one"])"), ElementsAre("one"));
  ExpectError([&] { read("p.txt", " \n\n"); }, {"p.txt", "no text"});
  ExpectError([&] { read("p.json", "{}"); }, {"p.json", "list of strings"});
  ExpectError([&] { ReadPrompts(dir_ / "none"); }, {"none"});
}

TEST_F(Documents, EachBeginsWithBosOnce) {
  const Tokenizer tokenizer = Tokenizer::Parse(TinyTokenizer(), "tiny");
  const std::vector<std::string> texts = {"ab", ""};
  EXPECT_THAT(EncodeDocuments(tokenizer, texts, 1), ElementsAre(ElementsAre(1, 67, 68), ElementsAre(1)));
  EXPECT_THAT(EncodeDocuments(tokenizer, texts, 2), ElementsAre(ElementsAre(2, 1, 67, 68), ElementsAre(2, 1)));
  EXPECT_THAT(EncodeDocuments(tokenizer, texts, -1), ElementsAre(ElementsAre(1, 67, 68), ElementsAre(1)));
}

}  // namespace
}  // namespace w8a16::testing
