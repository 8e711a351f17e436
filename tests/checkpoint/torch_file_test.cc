#include "checkpoint/torch_file.h"

#include "testing/process.h"
#include "testing/torch_files.h"
#include "w8a16/checkpoint.h"

namespace w8a16 {
namespace {

namespace pickle = testing::pickle;
using testing::Bytes;
using testing::ExpectError;
using testing::ProcessResult;
using testing::TempDir;
using testing::TensorBytes;
using testing::TorchBytes;
using testing::ZipBytes;
using testing::ZipFlaws;

using ::testing::ElementsAre;

std::vector<TensorInfo> Parse(const std::string& bytes) {
  return ParseTorchFile(std::as_bytes(std::span(bytes)), "DIR/f.bin");
}
void ExpectRefused(const std::string& bytes, std::vector<std::string> parts) {
  parts.emplace_back("DIR/f.bin");
  ExpectError([&] { Parse(bytes); }, parts);
}
// A pickle whose only value is `value`.
void ExpectPickleRefused(const std::string& value, const std::vector<std::string>& parts) {
  ExpectRefused(TorchBytes(pickle::Document(value)), parts);
}
void ExpectTensorRefused(const pickle::Tensor& tensor, std::vector<std::string> parts) {
  parts.emplace_back("\"w\"");
  ExpectRefused(TensorBytes(tensor), parts);
}

TEST(ParseTorchFile, FindsATensorInItsStorage) {
  const std::string bytes = TensorBytes({.offset = 2, .shape = {2, 2}, .strides = {2, 1}});
  const std::vector<TensorInfo> tensors = Parse(bytes);
  ASSERT_EQ(tensors.size(), 1U);
  EXPECT_EQ(tensors[0].name, "w");
  EXPECT_EQ(tensors[0].dtype, DType::kF32);
  EXPECT_EQ(tensors[0].bytes, 16U);
  EXPECT_EQ(LoadFloat(bytes.data() + tensors[0].offset, DType::kF32, 3), 5.0F);
}

TEST(ParseTorchFile, TakesAnOrderedDictWithAttributes) {
  // As state_dict() makes it, with the versions of modules for attributes.
  const std::string dict = pickle::Global("collections", "OrderedDict") + ")R(" + pickle::String("w") +
                           pickle::Rebuild({}) + "u" + "}" + pickle::String("_metadata") + "Nsb";
  EXPECT_EQ(Parse(TorchBytes(pickle::Document(dict))).size(), 1U);
}

TEST(ParseTorchFile, TakesParametersAndTiedTensors) {
  const std::string parameter = pickle::Global("torch._utils", "_rebuild_parameter") + "(" + pickle::Rebuild({}) +
                                "\x88" + pickle::Global("collections", "OrderedDict") + ")RtR";
  const auto tensors = Parse(TorchBytes(
      pickle::Document(pickle::Dict(pickle::String("a") + parameter + "q\x05" + pickle::String("b") + "h\x05"))));
  ASSERT_EQ(tensors.size(), 2U);
  EXPECT_EQ(tensors[0].offset, tensors[1].offset);
}

TEST(ParseTorchFile, IgnoresStridesOfSingleElements) {
  EXPECT_EQ(Parse(TensorBytes({.shape = {6, 1}, .strides = {1, 77}})).size(), 1U);
  EXPECT_EQ(Parse(TensorBytes({.shape = {0, 3}, .strides = {9, 9}}))[0].bytes, 0U);
}

TEST(ParseTorchFile, ReportsEachBadTensor) {
  std::vector<std::string> problems;
  const std::string bytes = TorchBytes(
      pickle::Document(pickle::Dict(pickle::String("a") + pickle::Rebuild({.key = "7"}) + pickle::String("good") +
                                    pickle::Rebuild({}) + pickle::String("b") + pickle::Rebuild({.strides = {1, 2}}))));
  const auto tensors = ParseTorchFile(std::as_bytes(std::span(bytes)), "f",
                                      [&problems](const std::string& problem) { problems.push_back(problem); });
  EXPECT_EQ(tensors.size(), 1U);
  EXPECT_THAT(problems, ElementsAre(::testing::HasSubstr("\"a\""), ::testing::HasSubstr("\"b\"")));
}

// Whatever is cut off or changed in a byte is an error or another list of tensors, never a crash.
TEST(ParseTorchFile, SurvivesEveryTruncationAndChange) {
  const std::string whole = TensorBytes(pickle::Tensor{});
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THROW(Parse(whole.substr(0, size)), Error) << size;
  }
  for (size_t i = 0; i < whole.size(); ++i) {
    for (const int change : {1, 0x80, 0xFF}) {
      std::string bytes = whole;
      bytes[i] = static_cast<char>(bytes[i] ^ change);
      try {
        Parse(bytes);
      } catch (const Error&) {
      }
    }
  }
}

TEST(ParseTorchFile, RefusesAnEmptyFile) { ExpectRefused("", {"no zip archive", "download"}); }
TEST(ParseTorchFile, RefusesTextInPlaceOfAnArchive) { ExpectRefused("<html>404</html>", {"no zip archive"}); }
TEST(ParseTorchFile, RefusesALfsPointer) {
  ExpectRefused("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", {"Git LFS pointer", "git lfs pull"});
}
TEST(ParseTorchFile, RefusesTheFormatBeforePyTorch16) {
  ExpectRefused("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.",
                {"format of PyTorch before 1.6", "torch.save(torch.load('DIR/f.bin'"});
}
TEST(ParseTorchFile, RefusesATorchScriptProgram) {
  ExpectRefused(ZipBytes({{"m/data.pkl", "x"}, {"m/constants.pkl", "x"}}), {"TorchScript program", "state_dict"});
}
TEST(ParseTorchFile, RefusesAnArchiveWithoutAPickle) {
  ExpectRefused(ZipBytes({{"word/document.xml", "x"}}), {"has no data.pkl"});
}
TEST(ParseTorchFile, RefusesBigEndianNumbers) {
  ExpectRefused(ZipBytes({{"m/data.pkl", "x"}, {"m/byteorder", "big"}}), {"not little-endian"});
}

TEST(ParseTorchFile, RefusesACompressedEntry) {
  ExpectRefused(TorchBytes(pickle::Document("}"), {.method = 8}), {"zip entry \"archive/", "is compressed", "zip -0"});
}
TEST(ParseTorchFile, RefusesAnEncryptedEntry) {
  ExpectRefused(TorchBytes(pickle::Document("}"), {.flags = 1}), {"\"archive/data.pkl\"", "encrypted"});
}
TEST(ParseTorchFile, RefusesAnEntryThatPassesTheEnd) {
  ExpectRefused(TorchBytes(pickle::Document("}"), {.size_change = 10'000}), {"bytes pass the end of the archive"});
}
TEST(ParseTorchFile, RefusesAnEntryThatIsNotWhereItIsSaidToBe) {
  ExpectRefused(TorchBytes(pickle::Document("}"), {.offset_change = 1}), {"there is no entry where", "damaged"});
}
TEST(ParseTorchFile, RefusesAnEntryOfAnotherName) {
  ExpectRefused(TorchBytes(pickle::Document("}"), {.local_name = "x"}), {"another name where its data lie"});
}
TEST(ParseTorchFile, RefusesEntriesThatOverlap) {
  ExpectRefused(TorchBytes(pickle::Document("}"), {.size_change = 60}), {"overlap"});
}
TEST(ParseTorchFile, RefusesAnEntryThatStandsTwice) {
  ExpectRefused(ZipBytes({{"m/data.pkl", "x"}, {"m/data.pkl", "y"}}), {"\"m/data.pkl\"", "stands twice"});
}
TEST(ParseTorchFile, RefusesAnArchiveThatIsCutShort) {
  const std::string whole = TensorBytes(pickle::Tensor{});
  ExpectRefused(whole.substr(0, whole.size() - 1), {"no central directory", "download"});
}
TEST(ParseTorchFile, RefusesADirectoryWithFewerEntries) {
  std::string bytes = TensorBytes(pickle::Tensor{});
  bytes[bytes.size() - 12] = bytes[bytes.size() - 14] = 9;
  ExpectRefused(bytes, {"fewer entries than it declares"});
}
TEST(ParseTorchFile, RefusesAnArchiveInParts) {
  std::string bytes = TensorBytes(pickle::Tensor{});
  bytes[bytes.size() - 18] = 1;
  ExpectRefused(bytes, {"several parts"});
}

TEST(ParseTorchFile, NeverRunsAFunction) {
  const TempDir dir;
  const std::string command = "touch " + (dir / "executed").string();
  ExpectPickleRefused(pickle::Global("posix", "system") + "(" + pickle::String(command) + "tR",
                      {"names posix.system", "nothing was executed", "safetensors"});
  EXPECT_THAT(testing::Listing(dir.path()), ::testing::IsEmpty());
}
TEST(ParseTorchFile, RefusesBuiltinsByName) {
  ExpectPickleRefused(pickle::Global("builtins", "eval"), {"names builtins.eval"});
}
TEST(ParseTorchFile, RefusesNamesFromTheStack) {
  ExpectPickleRefused(pickle::String("os") + pickle::String("popen") + "\x93", {"names os.popen"});
}
TEST(ParseTorchFile, HidesControlCharactersOfNames) {
  ExpectPickleRefused(pickle::Global("a\x1b[31m", "b"), {"names a?[31m.b"});
}
TEST(ParseTorchFile, RefusesOperationsThatBuildOtherObjects) {
  ExpectPickleRefused("(i__main__\nX\n", {"operation 'i'", "nothing was executed"});
  ExpectPickleRefused("(o", {"operation 'o'"});
  ExpectPickleRefused("))\x81", {"operation 129"});
  ExpectPickleRefused("\x82\x01", {"operation 130"});
  ExpectPickleRefused("P1\n", {"operation 'P'"});
}
TEST(ParseTorchFile, RefusesACallOfAStorageType) {
  ExpectPickleRefused(pickle::Global("torch", "FloatStorage") + ")R", {"calls torch.FloatStorage"});
}
TEST(ParseTorchFile, RefusesUnknownProtocols) {
  ExpectRefused(TorchBytes("\x80\x09}."), {"protocol 9"});
  ExpectRefused(TorchBytes("}."), {"protocol number"});
}
TEST(ParseTorchFile, RefusesAPickleThatEndsInTheMiddle) {
  ExpectRefused(TorchBytes("\x80\x02"), {"malformed at byte 2", "ends in the middle"});
  ExpectRefused(TorchBytes(std::string("\x80\x02X\xFF\0\0\0abc", 10)), {"ends in the middle"});
  ExpectRefused(TorchBytes("\x80\x02"
                           "ctorch"),
                {"ends in the middle of a name"});
}
TEST(ParseTorchFile, RefusesAnEmptyStack) { ExpectPickleRefused("", {"a value is missing"}); }
TEST(ParseTorchFile, RefusesAMissingMark) { ExpectPickleRefused("}u", {"a mark is missing"}); }
TEST(ParseTorchFile, RefusesToPopAMark) { ExpectPickleRefused("(\x85", {"a value is missing"}); }
TEST(ParseTorchFile, RefusesAKeyWithoutAValue) { ExpectPickleRefused("}(Nu", {"a key has no value"}); }
TEST(ParseTorchFile, RefusesAValueThatWasNotMade) { ExpectPickleRefused("h\x05", {"value number 5"}); }
TEST(ParseTorchFile, RefusesItemsForWhatHoldsNone) { ExpectPickleRefused("NNNs", {"None stands where a dict"}); }
TEST(ParseTorchFile, RefusesVeryLongNumbers) {
  ExpectPickleRefused("\x8a\x09" + std::string(9, 'x'), {"longer than 64 bits"});
}
TEST(ParseTorchFile, RefusesADictFromArguments) {
  ExpectPickleRefused(pickle::Global("collections", "OrderedDict") + "]\x85R", {"OrderedDict is made from arguments"});
}
TEST(ParseTorchFile, RefusesAParameterOfNoTensor) {
  ExpectPickleRefused(pickle::Global("torch._utils", "_rebuild_parameter") + "N\x85R", {"a parameter is made of"});
}
TEST(ParseTorchFile, RefusesATensorOfOtherThings) {
  ExpectPickleRefused(pickle::Global("torch._utils", "_rebuild_tensor_v2") + "(NNNNtR", {"a tensor is not made of"});
}
TEST(ParseTorchFile, RefusesAReferenceToNoStorage) {
  ExpectPickleRefused("(" + pickle::String("module") + "tQ", {"a reference to a storage is not"});
}
TEST(ParseTorchFile, SurvivesContainersThatHoldThemselves) {
  ExpectPickleRefused(
      "]q\x01h\x01"
      "a",
      {"it holds a list, not a dict"});
}

TEST(ParseTorchFile, RefusesWhatIsNoStateDict) {
  ExpectPickleRefused("]", {"it holds a list, not a dict from names to tensors", "state_dict()"});
}
TEST(ParseTorchFile, RefusesATrainingCheckpoint) {
  ExpectPickleRefused(pickle::Dict(pickle::String("epoch") + "K\x07"), {"\"epoch\" is an int, not a tensor"});
  ExpectPickleRefused(pickle::Dict(pickle::String("model") + "}"), {"\"model\" is a dict, not a tensor"});
}
TEST(ParseTorchFile, RefusesNamesThatAreNoStrings) {
  ExpectPickleRefused(pickle::Dict("K\x07" + pickle::Rebuild({})), {"has an int for a name"});
}
TEST(ParseTorchFile, RefusesATensorThatStandsTwice) {
  ExpectPickleRefused(
      pickle::Dict(pickle::String("w") + pickle::Rebuild({}) + pickle::String("w") + pickle::Rebuild({})),
      {"\"w\"", "stands twice"});
}
TEST(ParseTorchFile, RefusesAStorageThatIsNotThere) {
  ExpectTensorRefused({.key = "7"}, {"the archive has no data/7"});
}
TEST(ParseTorchFile, RefusesAStorageOfAnotherSize) {
  ExpectTensorRefused({.storage_elements = 7}, {"data/0 has 24 bytes", "7 elements of F32"});
  ExpectTensorRefused({.type = "HalfStorage"}, {"data/0 has 24 bytes", "6 elements of F16"});
}
TEST(ParseTorchFile, RefusesATensorThatPassesItsStorage) {
  ExpectTensorRefused({.offset = 1}, {"[2, 3] from element 1 on passes the end of its storage of 6"});
  ExpectTensorRefused({.offset = INT64_MAX}, {"passes the end"});
}
TEST(ParseTorchFile, RefusesShapesThatOverflow) {
  ExpectTensorRefused({.shape = {INT64_C(1) << 32, INT64_C(1) << 32}}, {"overflows a 64-bit size"});
}
TEST(ParseTorchFile, RefusesNegativeSizes) {
  ExpectRefused(TensorBytes({.shape = {-2, 3}}), {"a tensor is not made of"});
  ExpectRefused(TensorBytes({.offset = -1}), {"a tensor is not made of"});
}
TEST(ParseTorchFile, RefusesTooManyDimensions) {
  EXPECT_EQ(Parse(TensorBytes({.shape = std::vector<int64_t>(16, 1), .strides = std::vector<int64_t>(16, 1)})).size(),
            1U);
  ExpectRefused(TensorBytes({.shape = std::vector<int64_t>(17, 1), .strides = std::vector<int64_t>(17, 1)}),
                {"a tensor is not made of"});
}
TEST(ParseTorchFile, RefusesVeryLongNames) {
  ExpectPickleRefused(pickle::Dict(pickle::String(std::string(5000, 'n')) + pickle::Rebuild({})),
                      {"longer than 1024 bytes"});
}
TEST(ParseTorchFile, RefusesNamesThatAreNotUtf8) {
  ExpectPickleRefused(pickle::Dict(pickle::String("a\xFF") + pickle::Rebuild({})), {"a tensor name is not UTF-8"});
}
TEST(ParseTorchFile, RefusesStoragesWithControlCharacters) {
  ExpectRefused(TensorBytes({.key = "0\x1b"}), {"control characters"});
}
TEST(ParseTorchFile, RefusesNamesWithControlCharacters) {
  ExpectPickleRefused(pickle::Dict(pickle::String("a\nb") + pickle::Rebuild({})), {"control characters"});
}
TEST(ParseTorchFile, RefusesStridesThatDoNotFitTheShape) {
  ExpectRefused(TensorBytes({.strides = {1}}), {"a tensor is not made of"});
}
TEST(ParseTorchFile, RefusesATransposedTensor) {
  ExpectTensorRefused({.strides = {1, 2}}, {"not contiguous (strides [1, 2] of shape [2, 3])", ".contiguous()"});
}
TEST(ParseTorchFile, RefusesAnExpandedTensor) { ExpectTensorRefused({.strides = {0, 1}}, {"not contiguous"}); }

// Files that PyTorch itself wrote.
class TorchCheckpointTest : public ::testing::Test {
 protected:
  // Runs a script in the directory of the checkpoint; a machine without PyTorch skips the test.
  void Python(const std::string& script) {
    const std::string python = W8A16_PYTHON;
    if (!std::filesystem::exists(python) || testing::RunProcess({python, "-c", "import torch"}).exit_code != 0) {
      GTEST_SKIP() << "there is no PyTorch for " << python;
    }
    WriteTextFile(dir_ / "config.json", "{}");
    const ProcessResult result = testing::RunProcess(
        {python, "-c", "import os, json, torch\nos.chdir('" + dir_.path().string() + "')\n" + script});
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
  float Value(const Checkpoint& checkpoint, const std::string& name, int64_t index) const {
    const TensorView view = checkpoint.Get(name);
    return LoadFloat(view.data, view.dtype, index);
  }

  TempDir dir_;
};

TEST_F(TorchCheckpointTest, OpensWhatTorchSaves) {
  Python(R"(
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4), torch.nn.Embedding(5, 2)).half()
state = model.state_dict()
state['tied'] = state['2.weight']
state['bf16'] = torch.arange(6).reshape(2, 3).to(torch.bfloat16)
state['part'] = torch.arange(10, dtype=torch.float32)[4:]
state['parameter'] = torch.nn.Parameter(torch.tensor([1.5, -2.5]))
for i, dtype in enumerate([torch.float64, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool]):
    state[f'other.{i}'] = torch.ones(2, i, dtype=dtype)
state['scalar'] = torch.tensor(7.0)
torch.save(state, 'pytorch_model.bin')
)");
  if (IsSkipped()) return;
  const Checkpoint checkpoint = Checkpoint::Open(dir_.path());
  EXPECT_THAT(checkpoint.files(), ElementsAre("pytorch_model.bin"));
  EXPECT_EQ(checkpoint.Find("0.weight")->dtype, DType::kF16);
  EXPECT_EQ(checkpoint.Find("0.weight")->shape, (std::vector<int64_t>{4, 3}));
  EXPECT_EQ(checkpoint.Find("tied")->offset, checkpoint.Find("2.weight")->offset);
  for (int64_t i = 0; i < 6; ++i) {
    EXPECT_EQ(Value(checkpoint, "bf16", i), static_cast<float>(i));
    EXPECT_EQ(Value(checkpoint, "part", i), static_cast<float>(4 + i));
  }
  EXPECT_EQ(Value(checkpoint, "parameter", 1), -2.5F);
  EXPECT_EQ(Value(checkpoint, "scalar", 0), 7.0F);
  EXPECT_EQ(checkpoint.Find("other.6")->dtype, DType::kBool);
  EXPECT_EQ(checkpoint.tensors().size(), 17U);
}

TEST_F(TorchCheckpointTest, OpensShards) {
  Python(R"(
torch.save({'a': torch.ones(2), 'b': torch.zeros(3)}, 'pytorch_model-00001-of-00002.bin')
torch.save({'c': torch.full((1,), 9.0)}, 'pytorch_model-00002-of-00002.bin')
one, two = 'pytorch_model-00001-of-00002.bin', 'pytorch_model-00002-of-00002.bin'
json.dump({'metadata': {'total_size': 24}, 'weight_map': {'a': one, 'b': one, 'c': two}},
          open('pytorch_model.bin.index.json', 'w'))
)");
  if (IsSkipped()) return;
  const Checkpoint checkpoint = Checkpoint::Open(dir_.path());
  EXPECT_THAT(checkpoint.files(), ElementsAre("pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"));
  EXPECT_EQ(Value(checkpoint, "c", 0), 9.0F);
}

TEST_F(TorchCheckpointTest, RefusesWhatOtherPicklesHold) {
  Python(R"(
torch.save({'w': torch.ones(4, 4).t()[:, 1:]}, 'transposed.bin')
torch.save({'w': torch.ones(2)}, 'legacy.bin', _use_new_zipfile_serialization=False)
torch.save(torch.nn.Linear(2, 2), 'module.bin')
torch.save({'w': torch.ones(2).to_sparse()}, 'sparse.bin')
torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), 'script.bin')
)");
  if (IsSkipped()) return;
  const auto refused = [this](const std::string& name, const std::vector<std::string>& parts) {
    const std::string bytes = ReadTextFile(dir_ / name);
    ExpectRefused(bytes, parts);
  };
  refused("transposed.bin", {"\"w\"", "not contiguous"});
  refused("legacy.bin", {"PyTorch before 1.6"});
  refused("module.bin", {"names torch.nn.modules.linear.Linear"});
  refused("sparse.bin", {"names torch._utils._rebuild_sparse_tensor"});
  refused("script.bin", {"TorchScript"});
}

TEST(TorchCheckpoint, SafetensorsWin) {
  const TempDir dir;
  WriteTextFile(dir / "config.json", "{}");
  WriteTextFile(dir / "pytorch_model.bin", TensorBytes(pickle::Tensor{}));
  EXPECT_EQ(Checkpoint::Open(dir.path()).tensors()[0].name, "w");
  WriteTextFile(dir / "model.safetensors", testing::SafetensorsBytes({{"s", "U8", {1}, "x"}}));
  EXPECT_EQ(Checkpoint::Open(dir.path()).tensors()[0].name, "s");
}

TEST(TorchCheckpoint, ShardNamesHaveTheRightEnding) {
  const TempDir dir;
  WriteTextFile(dir / "config.json", "{}");
  WriteTextFile(dir / "pytorch_model.bin.index.json", R"({"weight_map": {"w": "model.safetensors"}})");
  ExpectError([&] { Checkpoint::Open(dir.path()); }, {"pytorch_model.bin.index.json", "plain name of a .bin file"});
}

}  // namespace
}  // namespace w8a16
