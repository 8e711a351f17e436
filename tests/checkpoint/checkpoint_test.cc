#include "w8a16/checkpoint.h"

#include "testing/files.h"

namespace w8a16 {
namespace {

using testing::Bytes;
using testing::ExpectError;
using testing::SafetensorsBytes;
using testing::TempDir;
using testing::TestTensor;

using ::testing::ElementsAre;

const TestTensor kA = {"a", "F32", {2}, Bytes<float>({1, 2})};
const TestTensor kB = {"b", "U8", {3}, "xyz"};
const TestTensor kC = {"c", "I64", {1}, Bytes<int64_t>({7})};

class CheckpointTest : public ::testing::Test {
 protected:
  CheckpointTest() { Write("config.json", R"({"model_type": "llama"})"); }

  void Write(const std::string& name, const std::string& text) const { WriteTextFile(dir_ / name, text); }
  // Two shards, "a" and "b" in the first, "c" in the second, and this weight map.
  void WriteShards(const Json& weight_map) const {
    Write("model-1.safetensors", SafetensorsBytes({kA, kB}));
    Write("model-2.safetensors", SafetensorsBytes({kC}));
    Write("model.safetensors.index.json",
          Json({{"metadata", {{"total_size", 19}}}, {"weight_map", weight_map}}).dump());
  }
  Checkpoint Open() const { return Checkpoint::Open(dir_.path()); }
  void ExpectRefused(std::vector<std::string> parts) const {
    ExpectError([this] { Open(); }, parts);
  }

  TempDir dir_;
};

const Json kWeightMap = {{"c", "model-2.safetensors"}, {"a", "model-1.safetensors"}, {"b", "model-1.safetensors"}};

TEST_F(CheckpointTest, OpensASingleFile) {
  Write("model.safetensors", SafetensorsBytes({kB, kA}));
  const Checkpoint checkpoint = Open();
  EXPECT_EQ(checkpoint.directory(), dir_.path());
  EXPECT_EQ(checkpoint.config_text(), R"({"model_type": "llama"})");
  EXPECT_THAT(checkpoint.files(), ElementsAre("model.safetensors"));
  ASSERT_EQ(checkpoint.tensors().size(), 2U);
  EXPECT_EQ(checkpoint.tensors()[0].name, "b");
  EXPECT_EQ(checkpoint.tensors()[1].file, "model.safetensors");
  EXPECT_FALSE(checkpoint.quantization());
  const TensorView b = checkpoint.Get("b");
  EXPECT_EQ(b.dtype, DType::kU8);
  EXPECT_EQ(b.shape, std::vector<int64_t>{3});
  EXPECT_EQ(std::memcmp(b.data, "xyz", 3), 0);
  checkpoint.Release("b");
  EXPECT_EQ(std::memcmp(b.data, "xyz", 3), 0);
}

TEST_F(CheckpointTest, OpensShards) {
  WriteShards(kWeightMap);
  const Checkpoint checkpoint = Open();
  EXPECT_THAT(checkpoint.files(), ElementsAre("model-1.safetensors", "model-2.safetensors"));
  ASSERT_EQ(checkpoint.tensors().size(), 3U);
  EXPECT_EQ(checkpoint.Find("c")->file, "model-2.safetensors");
  EXPECT_EQ(checkpoint.Find("d"), nullptr);
  int64_t value = 0;
  std::memcpy(&value, checkpoint.Get("c").data, sizeof(value));
  EXPECT_EQ(value, 7);
}

TEST_F(CheckpointTest, OpensLinkedShards) {
  WriteShards(kWeightMap);
  std::filesystem::create_directory(dir_ / "blobs");
  std::filesystem::rename(dir_ / "model-2.safetensors", dir_ / "blobs" / "0123");
  std::filesystem::create_symlink("blobs/0123", dir_ / "model-2.safetensors");
  EXPECT_EQ(Open().tensors().size(), 3U);
}

TEST_F(CheckpointTest, PrefersTheSingleFile) {
  WriteShards(kWeightMap);
  Write("model.safetensors", SafetensorsBytes({kA}));
  EXPECT_EQ(Open().tensors().size(), 1U);
}

TEST_F(CheckpointTest, ViewsOutliveTheObject) {
  Write("model.safetensors", SafetensorsBytes({kA}));
  TensorView view;
  std::shared_ptr<const void> owner;
  {
    const Checkpoint checkpoint = Open();
    view = checkpoint.Get("a");
    owner = checkpoint.owner();
  }
  EXPECT_EQ(LoadFloat(view.data, DType::kF32, 1), 2.0F);
}

TEST_F(CheckpointTest, NamesNearMisses) {
  Write("model.safetensors", SafetensorsBytes({{"model.layers.0.mlp.up_proj.weight", "U8", {1}, "x"}, kA}));
  const Checkpoint checkpoint = Open();
  ExpectError([&] { checkpoint.Get("model.layers.0.mlp.up_prj.weight"); },
              {dir_.path().string(), "\"model.layers.0.mlp.up_prj.weight\"", "model.layers.0.mlp.up_proj.weight"});
  ExpectError([&] { checkpoint.Release("zzz"); }, {"no tensor \"zzz\""});
}

TEST_F(CheckpointTest, RefusesWhatIsNoDirectory) {
  ExpectError([this] { Checkpoint::Open(dir_ / "none"); }, {"no such directory", "none", "config.json"});
  ExpectError([this] { Checkpoint::Open(dir_ / "config.json"); }, {"config.json is not a directory"});
}
TEST_F(CheckpointTest, RefusesAMissingConfig) {
  Write("model.safetensors", SafetensorsBytes({kA}));
  std::filesystem::remove(dir_ / "config.json");
  ExpectRefused({(dir_ / "config.json").string(), "No such file"});
}
TEST_F(CheckpointTest, RefusesAMalformedConfig) {
  Write("model.safetensors", SafetensorsBytes({kA}));
  Write("config.json", "{\"a\":\n}");
  ExpectRefused({(dir_ / "config.json").string(), "line 2, column 1"});
  Write("config.json", "[]");
  ExpectRefused({"config.json", "must be a JSON object"});
  Write("config.json", "");
  ExpectRefused({"config.json", "unexpected end of input"});
}
TEST_F(CheckpointTest, RefusesAnUnsupportedQuantization) {
  Write("model.safetensors", SafetensorsBytes({kA}));
  Write("config.json", R"({"quantization_config": {"quant_method": "awq"}})");
  ExpectRefused({"config.json", "quantization_config.quant_method is \"awq\"", "compressed-tensors"});
}
TEST_F(CheckpointTest, RefusesADirectoryWithoutWeights) {
  ExpectRefused({dir_.path().string(), "no model.safetensors and no model.safetensors.index.json", "save_pretrained"});
  Write("model.gguf", "x");
  ExpectRefused({"there is model.gguf"});
}
TEST_F(CheckpointTest, RefusesMalformedWeights) {
  Write("model.safetensors", "");
  ExpectRefused({(dir_ / "model.safetensors").string(), "0 bytes"});
}
TEST_F(CheckpointTest, RefusesALinkThatLeadsNowhere) {
  std::filesystem::create_symlink("blobs/0123", dir_ / "model.safetensors");
  ExpectRefused({(dir_ / "model.safetensors").string(), "No such file"});
}

TEST_F(CheckpointTest, RefusesAMalformedIndex) {
  for (const char* text : {"[]", "{}", R"({"weight_map": []})", R"({"weight_map": {}})"}) {
    Write("model.safetensors.index.json", text);
    ExpectRefused({"model.safetensors.index.json", "weight_map must be an object"});
  }
  Write("model.safetensors.index.json", "{");
  ExpectRefused({"model.safetensors.index.json", "line 1"});
}
TEST_F(CheckpointTest, RefusesATensorThatTheIndexListsTwice) {
  WriteShards(kWeightMap);
  Write("model.safetensors.index.json", R"({"weight_map": {"a": "model-1.safetensors", "a": "model-2.safetensors"}})");
  ExpectRefused({"\"a\" stands twice"});
}
TEST_F(CheckpointTest, RefusesShardNamesThatAreNotPlain) {
  for (const Json& name : std::vector<Json>{"../model-1.safetensors", "/model-1.safetensors", "x/model-1.safetensors",
                                            "x\\model-1.safetensors", ".safetensors", "", "..", "config.json", 1,
                                            nullptr, std::string("a\0.safetensors", 14)}) {
    Json map = kWeightMap;
    map["a"] = name;
    WriteShards(map);
    ExpectRefused({"model.safetensors.index.json", "\"a\"", "plain name", name.dump()});
  }
}
TEST_F(CheckpointTest, RefusesAMissingShard) {
  WriteShards(kWeightMap);
  std::filesystem::remove(dir_ / "model-2.safetensors");
  ExpectRefused({"model.safetensors.index.json", "names model-2.safetensors, which is not there", "download"});
}
TEST_F(CheckpointTest, RefusesATensorInTheWrongShard) {
  Json map = kWeightMap;
  map["b"] = "model-2.safetensors";
  WriteShards(map);
  ExpectRefused({"index.json", "\"b\"", "into model-2.safetensors, but it lies in model-1.safetensors"});
}
TEST_F(CheckpointTest, RefusesATensorThatTheIndexDoesNotList) {
  Json map = kWeightMap;
  map.erase("b");
  WriteShards(map);
  ExpectRefused({"index.json", "does not list tensor \"b\" of model-1.safetensors"});
}
TEST_F(CheckpointTest, RefusesATensorThatNoShardHolds) {
  Json map = kWeightMap;
  map["d"] = "model-2.safetensors";
  WriteShards(map);
  ExpectRefused({"index.json", "lists tensor \"d\", but model-2.safetensors does not hold it"});
}
TEST_F(CheckpointTest, RefusesATensorInTwoShards) {
  WriteShards(kWeightMap);
  Write("model-2.safetensors", SafetensorsBytes({kC, kA}));
  ExpectRefused({"model-2.safetensors", "tensor \"a\"", "stands in model-1.safetensors too"});
}

}  // namespace
}  // namespace w8a16
