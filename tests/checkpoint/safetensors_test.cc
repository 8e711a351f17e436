#include "checkpoint/safetensors.h"

#include "testing/files.h"

namespace w8a16 {
namespace {

using testing::Bytes;
using testing::ExpectError;
using testing::RawSafetensors;
using testing::SafetensorsBytes;

std::vector<TensorInfo> Parse(const std::string& bytes) {
  return ParseSafetensors(std::as_bytes(std::span(bytes)), "model.safetensors");
}

void ExpectRefused(const std::string& bytes, std::vector<std::string> parts) {
  parts.emplace_back("model.safetensors");
  ExpectError([&] { Parse(bytes); }, parts);
}

// A file with one tensor "t" whose entry has this text.
void ExpectEntryRefused(const std::string& entry, std::vector<std::string> parts, size_t data_bytes = 8) {
  parts.emplace_back("tensor \"t\"");
  ExpectRefused(RawSafetensors("{\"t\":" + entry + "}", std::string(data_bytes, 'x')), parts);
}

std::string Entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return "{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
}

TEST(ParseSafetensors, ReadsTensorsInTheOrderOfTheirData) {
  const std::string header = "{\"b\":" + Entry("BF16", "[2,3]", "[4,16]") + ",\"a\":" + Entry("F32", "[]", "[0,4]") +
                             ",\"__metadata__\":{\"format\":\"pt\"},\"e\":" + Entry("I64", "[0,5]", "[16,16]") + "}   ";
  const auto tensors = Parse(RawSafetensors(header, std::string(16, 'x')));
  ASSERT_EQ(tensors.size(), 3U);
  EXPECT_EQ(tensors[0].name, "a");
  EXPECT_EQ(tensors[0].dtype, DType::kF32);
  EXPECT_TRUE(tensors[0].shape.empty());
  EXPECT_EQ(tensors[0].offset, 8 + header.size());
  EXPECT_EQ(tensors[0].bytes, 4U);
  EXPECT_EQ(tensors[1].name, "b");
  EXPECT_EQ(tensors[1].dtype, DType::kBF16);
  EXPECT_EQ(tensors[1].shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(tensors[1].offset, 12 + header.size());
  EXPECT_EQ(tensors[1].bytes, 12U);
  EXPECT_EQ(tensors[1].file, "model.safetensors");
  EXPECT_EQ(tensors[2].name, "e");
  EXPECT_EQ(tensors[2].bytes, 0U);
}

TEST(ParseSafetensors, ReadsAFileWithoutTensors) { EXPECT_TRUE(Parse(RawSafetensors("{}", "")).empty()); }

TEST(ParseSafetensors, IgnoresUnknownKeysOfAnEntry) {
  EXPECT_EQ(Parse(RawSafetensors(R"({"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"note":1}})", "x")).size(), 1U);
}

TEST(ParseSafetensors, RefusesAnEmptyFile) { ExpectRefused("", {"not a safetensors file", "0 bytes", "download"}); }
TEST(ParseSafetensors, RefusesAFileWithoutLength) { ExpectRefused("1234567", {"7 bytes"}); }

TEST(ParseSafetensors, RefusesEveryTruncation) {
  const std::string whole = SafetensorsBytes({{"t", "F32", {2}, std::string(8, 'x')}});
  ASSERT_EQ(Parse(whole).size(), 1U);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THROW(Parse(whole.substr(0, size)), Error) << size;
  }
}
TEST(ParseSafetensors, SaysThatTheHeaderIsCutShort) {
  ExpectRefused(Bytes<uint64_t>({100}) + "{}", {"header takes 100 bytes", "only 2 follow", "cut short", "download"});
}
TEST(ParseSafetensors, SaysThatTheDataAreCutShort) {
  ExpectEntryRefused(Entry("F32", "[2]", "[0,8]"), {"pass the end", "7 bytes of data", "cut short"}, 7);
}
TEST(ParseSafetensors, RefusesAHeaderAboveTheCap) {
  ExpectRefused(Bytes<uint64_t>({100'000'001}) + "{}", {"header of 100000001 bytes", "allows 100000000"});
  ExpectRefused(Bytes<uint64_t>({UINT64_MAX}) + "{}", {"18446744073709551615"});
}
TEST(ParseSafetensors, RecognizesAGitLfsPointer) {
  ExpectRefused("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n",
                {"Git LFS pointer", "git lfs pull"});
}
TEST(ParseSafetensors, RefusesAHeaderThatIsNoObject) {
  ExpectRefused(RawSafetensors("[]", ""), {"does not begin with \"{\""});
  ExpectRefused(RawSafetensors(" {}", ""), {"does not begin with \"{\""});
  ExpectRefused(RawSafetensors("", ""), {"does not begin with \"{\""});
}
TEST(ParseSafetensors, RefusesMalformedJson) {
  ExpectRefused(RawSafetensors("{\"t\"}", ""), {"header", "line 1, column 5"});
}
TEST(ParseSafetensors, RefusesInvalidUtf8) { ExpectRefused(RawSafetensors("{\"\xFF\":1}", ""), {"UTF-8"}); }
TEST(ParseSafetensors, RefusesDeepNesting) {
  ExpectRefused(RawSafetensors("{\"a\":" + std::string(1000, '['), ""), {"nested deeper"});
}
TEST(ParseSafetensors, RefusesANameThatStandsTwice) {
  const std::string entry = Entry("U8", "[1]", "[0,1]");
  ExpectRefused(RawSafetensors("{\"t\":" + entry + ",\"t\":" + entry + "}", "x"), {"\"t\" stands twice"});
}
TEST(ParseSafetensors, RefusesMetadataThatIsNoObjectOfStrings) {
  ExpectRefused(RawSafetensors(R"({"__metadata__":[]})", ""), {"__metadata__", "object of strings"});
  ExpectRefused(RawSafetensors(R"({"__metadata__":{"a":1}})", ""), {"__metadata__", "object of strings"});
}

TEST(ParseSafetensors, RefusesEmptyNames) {
  ExpectRefused(RawSafetensors("{\"\":" + Entry("U8", "[1]", "[0,1]") + "}", "x"), {"empty name"});
}
TEST(ParseSafetensors, RefusesControlCharactersInNames) {
  ExpectRefused(RawSafetensors("{\"a\\nb\":" + Entry("U8", "[1]", "[0,1]") + "}", "x"),
                {"control characters", "a\\nb"});
  ExpectRefused(RawSafetensors("{\"a\\u0000b\":" + Entry("U8", "[1]", "[0,1]") + "}", "x"), {"control characters"});
}
TEST(ParseSafetensors, RefusesVeryLongNames) {
  const auto file = [](size_t size) {
    return RawSafetensors("{\"" + std::string(size, 'n') + "\":" + Entry("U8", "[1]", "[0,1]") + "}", "x");
  };
  EXPECT_EQ(Parse(file(1024)).size(), 1U);
  ExpectRefused(file(1025), {"longer than 1024 bytes", "nnn..."});
}
TEST(ParseSafetensors, TakesNamesInOtherScripts) {
  EXPECT_EQ(Parse(RawSafetensors("{\"层.重\":" + Entry("U8", "[1]", "[0,1]") + "}", "x"))[0].name, "层.重");
}

TEST(ParseSafetensors, RefusesAnEntryThatIsNoObject) { ExpectEntryRefused("[1]", {"must be an object", "[1]"}); }
TEST(ParseSafetensors, RefusesAnEntryWithoutDtype) {
  ExpectEntryRefused(R"({"shape":[8],"data_offsets":[0,8]})", {"no \"dtype\""});
}
TEST(ParseSafetensors, RefusesAnEntryWithoutShape) {
  ExpectEntryRefused(R"({"dtype":"U8","data_offsets":[0,8]})", {"no \"shape\""});
}
TEST(ParseSafetensors, RefusesAnEntryWithoutOffsets) {
  ExpectEntryRefused(R"({"dtype":"U8","shape":[8]})", {"no \"data_offsets\""});
}
TEST(ParseSafetensors, RefusesUnknownDtypes) {
  ExpectEntryRefused(Entry("F4", "[8]", "[0,8]"), {"unknown dtype \"F4\"", "BF16"});
  ExpectEntryRefused(R"({"dtype":7,"shape":[8],"data_offsets":[0,8]})", {"dtype must be a string"});
}
TEST(ParseSafetensors, RefusesMalformedShapes) {
  for (const char* shape : {"8", "[-8]", "[8.0]", "[\"8\"]", "[[8]]", "null", "[9223372036854775808]", "[1e3]"}) {
    ExpectEntryRefused(Entry("U8", shape, "[0,8]"), {"shape must be a list of non-negative integers"});
  }
}
TEST(ParseSafetensors, RefusesMalformedOffsets) {
  for (const char* offsets : {"8", "[8]", "[0,8,16]", "[-1,8]", "[0,8.0]", "[0,\"8\"]", "{}", "null"}) {
    ExpectEntryRefused(Entry("U8", "[8]", offsets), {"data_offsets must be two non-negative integers"});
  }
}
TEST(ParseSafetensors, RefusesShapesThatOverflow) {
  ExpectEntryRefused(Entry("U8", "[4294967296,4294967296]", "[0,0]"), {"overflows"});
  ExpectEntryRefused(Entry("F32", "[4611686018427387904]", "[0,0]"), {"overflows"});
  ExpectEntryRefused(Entry("U8", "[0,4294967296,4294967296]", "[0,0]"), {"overflows"});
}
TEST(ParseSafetensors, RefusesOffsetsThatEndBeforeTheyBegin) {
  ExpectEntryRefused(Entry("U8", "[8]", "[8,0]"), {"[8, 0] end before they begin"});
}
TEST(ParseSafetensors, RefusesSizesThatDoNotFitDtypeAndShape) {
  ExpectEntryRefused(Entry("F32", "[1]", "[0,8]"), {"hold 8 bytes", "F32 [1] takes 4"});
  ExpectEntryRefused(Entry("F32", "[3]", "[0,8]"), {"hold 8 bytes", "F32 [3] takes 12"});
}
TEST(ParseSafetensors, RefusesOffsetsBeyondTheEnd) {
  ExpectEntryRefused(Entry("U8", "[8]", "[1,9]"), {"pass the end"});
  ExpectEntryRefused(Entry("U8", "[1]", "[18446744073709551614,18446744073709551615]"), {"pass the end"});
}

TEST(ParseSafetensors, RefusesOverlaps) {
  ExpectRefused(RawSafetensors("{\"a\":" + Entry("U8", "[5]", "[0,5]") + ",\"b\":" + Entry("U8", "[4]", "[4,8]") + "}",
                               std::string(8, 'x')),
                {"tensor \"b\"", "overlaps", "\"a\""});
  ExpectRefused(RawSafetensors("{\"a\":" + Entry("U8", "[8]", "[0,8]") + ",\"b\":" + Entry("U8", "[8]", "[0,8]") + "}",
                               std::string(8, 'x')),
                {"tensor \"b\"", "overlaps", "\"a\""});
}
TEST(ParseSafetensors, RefusesHoles) {
  ExpectRefused(RawSafetensors("{\"a\":" + Entry("U8", "[2]", "[0,2]") + ",\"b\":" + Entry("U8", "[4]", "[4,8]") + "}",
                               std::string(8, 'x')),
                {"tensor \"b\"", "2 bytes before its data belong to no tensor"});
  ExpectEntryRefused(Entry("U8", "[4]", "[4,8]"), {"4 bytes before its data belong to no tensor"});
}
TEST(ParseSafetensors, RefusesTrailingBytes) {
  ExpectRefused(RawSafetensors("{\"t\":" + Entry("U8", "[4]", "[0,4]") + "}", std::string(7, 'x')),
                {"3 bytes at the end belong to no tensor"});
  ExpectRefused(RawSafetensors("{}", "x"), {"1 bytes at the end"});
}

}  // namespace
}  // namespace w8a16
