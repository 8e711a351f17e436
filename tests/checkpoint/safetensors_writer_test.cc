#include "checkpoint/safetensors.h"
#include "testing/files.h"

namespace w8a16 {
namespace {

using testing::ExpectError;
using testing::Listing;
using testing::RawSafetensors;
using testing::TempDir;

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(SafetensorsWriter, WritesTheExactBytes) {
  const TempDir dir;
  SafetensorsWriter writer(dir / "f", {{"a", DType::kF32, {1, 2}}, {"b", DType::kI8, {3}}});
  writer.Append("12345678", 8);
  writer.Append("abc", 3);
  writer.Finish();
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},)"
      R"("b":{"dtype":"I8","shape":[3],"data_offsets":[8,11]}})";
  const std::string padded = header + std::string((8 - header.size() % 8) % 8, ' ');
  EXPECT_EQ(ReadTextFile(dir / "f"), RawSafetensors(padded, "12345678abc"));
  EXPECT_THAT(Listing(dir.path()), ElementsAre("f"));
}

TEST(SafetensorsWriter, WritesTensorsInAnyOrder) {
  const TempDir dir;
  SafetensorsWriter writer(dir / "f",
                           {{"a", DType::kU8, {4}}, {"scalar", DType::kU8, {}}, {"empty", DType::kU8, {0, 7}}});
  writer.Write(1, 0, "e", 1);
  writer.Write(0, 2, "cd", 2);
  writer.Write(0, 0, "ab", 2);
  writer.Finish();
  const std::string bytes = ReadTextFile(dir / "f");
  EXPECT_EQ(bytes.substr(bytes.size() - 5), "abcde");
  EXPECT_EQ(ParseSafetensors(std::as_bytes(std::span(bytes)), "f").size(), 3U);
}

TEST(SafetensorsWriter, StartsDataAtAMultipleOfEight) {
  const TempDir dir;
  for (size_t size = 1; size <= 9; ++size) {
    SafetensorsWriter writer(dir / "f", {{std::string(size, 'n'), DType::kU8, {1}}});
    writer.Append("x", 1);
    writer.Finish();
    const std::string bytes = ReadTextFile(dir / "f");
    EXPECT_EQ(ParseSafetensors(std::as_bytes(std::span(bytes)), "f")[0].offset % 8, 0U);
  }
}

TEST(SafetensorsWriter, EscapesNames) {
  const TempDir dir;
  SafetensorsWriter(dir / "f", {{"a\"\\é", DType::kU8, {0}}}).Finish();
  const std::string bytes = ReadTextFile(dir / "f");
  EXPECT_EQ(ParseSafetensors(std::as_bytes(std::span(bytes)), "f")[0].name, "a\"\\é");
}

TEST(SafetensorsWriter, LeavesNothingBehindWithoutFinish) {
  const TempDir dir;
  { SafetensorsWriter(dir / "f", {{"a", DType::kU8, {4}}}).Append("ab", 2); }
  EXPECT_THAT(Listing(dir.path()), IsEmpty());
}

TEST(SafetensorsWriter, RefusesToFinishWithMissingBytes) {
  const TempDir dir;
  {
    SafetensorsWriter writer(dir / "f", {{"a", DType::kU8, {4}}});
    writer.Append("ab", 2);
    ExpectError([&] { writer.Finish(); }, {"/f", "2 bytes of data came, 4 were declared"});
  }
  EXPECT_THAT(Listing(dir.path()), IsEmpty());
}

TEST(SafetensorsWriter, RefusesBytesThatWereNotDeclared) {
  const TempDir dir;
  SafetensorsWriter writer(dir / "f", {{"a", DType::kU8, {2}}, {"b", DType::kU8, {2}}});
  ExpectError([&] { writer.Append("abcde", 5); }, {"more bytes than were declared"});
  ExpectError([&] { writer.Write(0, 1, "ab", 2); }, {"outside tensor number 0"});
  ExpectError([&] { writer.Write(0, 3, "", 0); }, {"outside tensor number 0"});
  ExpectError([&] { writer.Write(2, 0, "", 0); }, {"outside tensor number 2"});
}

TEST(SafetensorsWriter, RefusesANameThatStandsTwice) {
  const TempDir dir;
  ExpectError(
      [&] {
        SafetensorsWriter(dir / "f", {{"a", DType::kU8, {1}}, {"a", DType::kU8, {1}}});
      },
      {"/f", "\"a\" stands twice"});
  EXPECT_THAT(Listing(dir.path()), IsEmpty());
}

}  // namespace
}  // namespace w8a16
