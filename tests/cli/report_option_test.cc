#include "cli/command.h"

namespace w8a16::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(QuantizeReport, WritesThePage) {
  const TinyModel model;
  const TempDir scratch;
  const ProcessResult result =
      W8A16({"quantize", model.path(), scratch / "out", "--report", scratch / "r.html", "--ignore", "nothing_like_it"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("r.html"));
  EXPECT_THAT(Listing(scratch.path()), ElementsAre("out", "r.html"));
  const std::string page = ReadTextFile(scratch / "r.html");
  EXPECT_THAT(page, ::testing::StartsWith("<!DOCTYPE html>"));
  EXPECT_THAT(page, ::testing::EndsWith("</html>\n"));
  for (const std::string& part : {model.path().string(), (scratch / "out").string(), std::string("pack-quantized"),
                                  std::string("lm_head"), std::string("nothing_like_it")}) {
    EXPECT_THAT(page, HasSubstr(part));
  }
  EXPECT_THAT(page, ::testing::ContainsRegex("20[0-9][0-9]-[01][0-9]-[0-3][0-9] .* by w8a16 [0-9]"));
}

TEST(QuantizeReport, SaysWhatTheJsonSays) {
  const TinyModel model;
  const TempDir scratch;
  const Json report = W8A16Json(
      {"quantize", model.path(), scratch / "out", "--report", scratch / "r.html", "--format", "int-quantized"});
  const std::string page = ReadTextFile(scratch / "r.html");
  EXPECT_THAT(page, HasSubstr("int-quantized"));
  ASSERT_EQ(report["layers"].size(), 14);
  for (const Json& layer : report["layers"]) EXPECT_THAT(page, HasSubstr(layer["name"].get<std::string>()));
  EXPECT_EQ(report["report"], (scratch / "r.html").string());
}

TEST(QuantizeReport, ReplacesAnOlderPage) {
  const TinyModel model;
  const TempDir scratch;
  WriteTextFile(scratch / "r.html", "old");
  EXPECT_EQ(W8A16({"quantize", model.path(), scratch / "out", "--report", scratch / "r.html"}).exit_code, 0);
  EXPECT_THAT(ReadTextFile(scratch / "r.html"), HasSubstr("</html>"));
}

TEST(QuantizeReport, MayLieInTheOutput) {
  const TinyModel model;
  const TempDir scratch;
  const ProcessResult result =
      W8A16({"quantize", model.path(), scratch / "new" / "out", "--report", scratch / "new" / "out" / "r.html"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(std::filesystem::exists(scratch / "new" / "out" / "r.html"));
}

TEST(QuantizeReport, IsNotWrittenOfAFailure) {
  const TinyModel model;
  const TempDir scratch;
  WriteTextFile(scratch / "r.html", "old");
  ExpectFailure(W8A16({"quantize", scratch / "missing", scratch / "out", "--report", scratch / "r.html"}), {"missing"});
  ExpectFailure(W8A16({"quantize", model.path(), model.path(), "--report", scratch / "r.html"}), {model.path()});
  EXPECT_EQ(ReadTextFile(scratch / "r.html"), "old");
  EXPECT_THAT(Listing(scratch.path()), ElementsAre("r.html"));
}

TEST(QuantizeReport, UnwritablePathsAreFoundBeforeTheWork) {
  const TinyModel model;
  const TempDir scratch;
  std::filesystem::create_directory(scratch / "dir.html");
  const auto quantize = [&](const std::filesystem::path& report) {
    return W8A16({"quantize", model.path(), scratch / "out.html", "--report", report});
  };
  ExpectFailure(quantize(scratch / "dir.html"), {"dir.html", "is a directory"});
  ExpectFailure(quantize(scratch / "out.html"), {"out.html", "is a directory"});
  ExpectFailure(quantize(scratch / "none" / "r.html"), {"none/r.html", "there is no directory"});
  ExpectFailure(quantize("/proc/r.html"), {"cannot write /proc/r.html"});
  EXPECT_THAT(Listing(scratch.path()), ElementsAre("dir.html"));
}

TEST(QuantizeReport, WrongUsage) {
  const TinyModel model;
  const TempDir scratch;
  ExpectWrongUsage(W8A16({"quantize", model.path(), scratch / "out", "--report", scratch / "model.safetensors"}),
                   {"--report", "model.safetensors", ".html"});
  ExpectWrongUsage(W8A16({"quantize", model.path(), "--dry-run", "--report", scratch / "r.html"}),
                   {"--report", "--dry-run"});
  EXPECT_THAT(Listing(scratch.path()), IsEmpty());
}

}  // namespace
}  // namespace w8a16::testing
