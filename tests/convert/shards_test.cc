#include <algorithm>
#include <fstream>

#include "convert/convert.h"
#include "convert/plan.h"
#include "convert/shard_file.h"
#include "convert/tiny_llama.h"
#include "convert/verify.h"

namespace w8a16 {
namespace {

using ::testing::ElementsAre;
using testing::ExpectError;
using ::testing::IsEmpty;
using testing::Listing;
using testing::TempDir;
using testing::TinyLlama;

std::string TensorBytes(const Checkpoint& checkpoint, const std::string& name) {
  const TensorView view = checkpoint.Get(name);
  return {reinterpret_cast<const char*>(view.data), view.Bytes()};
}

class ShardsTest : public ::testing::Test {
 protected:
  ConvertReport Convert(const std::filesystem::path& source, uint64_t max_shard_bytes) {
    ConvertOptions options;
    options.max_shard_bytes = max_shard_bytes;
    options.force = true;
    return QuantizeCheckpoint(source, destination_, options);
  }

  TempDir dir_;
  std::filesystem::path source_ = dir_ / "source";
  std::filesystem::path destination_ = dir_ / "destination";
};

TEST_F(ShardsTest, NamesAndIndexAreThoseOfHuggingFace) {
  TinyLlama().Write(source_);
  const ConvertReport report = Convert(source_, 2100);
  ASSERT_EQ(report.shards, 4U);
  EXPECT_THAT(Listing(destination_), ElementsAre("config.json", "model-00001-of-00004.safetensors",
                                                 "model-00002-of-00004.safetensors", "model-00003-of-00004.safetensors",
                                                 "model-00004-of-00004.safetensors", "model.safetensors.index.json"));
  const Json index = ParseJson(ReadTextFile(destination_ / "model.safetensors.index.json"), "index");
  EXPECT_EQ(index["metadata"]["total_size"], report.bytes_after);
  const Checkpoint made = Checkpoint::Open(destination_);
  ASSERT_EQ(index["weight_map"].size(), made.tensors().size());
  for (const TensorInfo& tensor : made.tensors()) EXPECT_EQ(index["weight_map"][tensor.name], tensor.file);
  EXPECT_THAT(VerifyCheckpoint(destination_), IsEmpty());
}

TEST_F(ShardsTest, AreNoLongerThanAskedForUnlessOneLayerIs) {
  TinyLlama().Write(source_);
  for (const uint64_t limit : {1, 700, 1000, 2000, 3000}) {
    Convert(source_, limit);
    const Checkpoint made = Checkpoint::Open(destination_);
    for (const std::string& file : made.files()) {
      std::vector<std::string> modules;
      for (const TensorInfo& tensor : made.tensors()) {
        if (tensor.file == file) modules.push_back(tensor.name.substr(0, tensor.name.rfind('.')));
      }
      modules.erase(std::unique(modules.begin(), modules.end()), modules.end());
      std::sort(modules.begin(), modules.end());
      modules.erase(std::unique(modules.begin(), modules.end()), modules.end());
      if (modules.size() == 1) continue;
      EXPECT_LE(std::filesystem::file_size(destination_ / file), limit) << file;
    }
    EXPECT_THAT(VerifyCheckpoint(destination_), IsEmpty());
  }
}

TEST_F(ShardsTest, HoldTheSameTensorsAsOneFile) {
  const TinyLlama model;
  model.Write(source_);
  QuantizeCheckpoint(source_, dir_ / "whole", {});
  EXPECT_THAT(Listing(dir_ / "whole"), ElementsAre("config.json", "model.safetensors"));
  const Checkpoint single = Checkpoint::Open(dir_ / "whole");
  model.WriteSharded(dir_ / "sharded", 3);
  for (const uint64_t limit : {600, 1500, 1000000}) {
    for (const auto& source : {source_, dir_ / "sharded"}) {
      Convert(source, limit);
      const Checkpoint made = Checkpoint::Open(destination_);
      EXPECT_EQ(made.files().size() == 1, limit == 1000000);
      ASSERT_EQ(single.tensors().size(), made.tensors().size());
      for (const TensorInfo& tensor : made.tensors()) {
        EXPECT_EQ(TensorBytes(made, tensor.name), TensorBytes(single, tensor.name)) << tensor.name;
        EXPECT_EQ(tensor.offset % DTypeSize(tensor.dtype), 0U) << tensor.name;
      }
    }
  }
}

TEST_F(ShardsTest, MayTakeTheSourceInAnyOrder) {
  // The tensors of a layer's neighbours in the wrong files, files in the wrong order.
  TinyLlama model;
  model.Write(dir_ / "single");
  QuantizeCheckpoint(dir_ / "single", dir_ / "whole", {});
  std::reverse(model.tensors().begin(), model.tensors().end());
  std::rotate(model.tensors().begin(), model.tensors().begin() + 5, model.tensors().end());
  model.WriteSharded(source_, 2);
  Convert(source_, 1200);
  const Checkpoint single = Checkpoint::Open(dir_ / "whole");
  const Checkpoint made = Checkpoint::Open(destination_);
  ASSERT_EQ(single.tensors().size(), made.tensors().size());
  for (const TensorInfo& tensor : made.tensors()) {
    EXPECT_EQ(TensorBytes(made, tensor.name), TensorBytes(single, tensor.name)) << tensor.name;
  }
}

TEST_F(ShardsTest, LeaveOutATiedHead) {
  TinyLlama model(DType::kF32, true);
  model.Add("lm_head", {7, 6});
  model.WriteSharded(source_, model.tensors().size() - 1);
  Convert(source_, 5'000'000'000);
  EXPECT_THAT(Listing(destination_), ElementsAre("config.json", "model.safetensors"));
  EXPECT_THAT(VerifyCheckpoint(destination_), IsEmpty());
}

TEST_F(ShardsTest, ArePlannedToTheByte) {
  TinyLlama().Write(source_);
  ConvertOptions options;
  options.max_shard_bytes = 1500;
  const ConvertPlan plan = PlanQuantization(Checkpoint::Open(source_), options);
  QuantizeCheckpoint(source_, destination_, options);
  for (const PlannedShard& shard : plan.shards) {
    EXPECT_EQ(std::filesystem::file_size(destination_ / shard.file), shard.bytes);
  }
}

TEST_F(ShardsTest, RefuseTwoTensorsOfOneName) {
  TinyLlama model;
  model.tensors().push_back({"model.layers.0.mlp.up_proj.weight_scale", "F32", {1}, std::string(4, '\0')});
  model.Write(source_);
  ExpectError([this] { QuantizeCheckpoint(source_, destination_, {}); },
              {"\"model.layers.0.mlp.up_proj.weight_scale\"", "twice"});
  EXPECT_THAT(Listing(dir_.path()), ElementsAre("source"));
}

TEST_F(ShardsTest, ChecksumsSeeEveryBit) {
  const std::filesystem::path path = dir_ / "x.safetensors";
  uint64_t checksum = 0;
  {
    ShardFile file(path, {{"wide", DType::kI32, {3}}, {"empty", DType::kF16, {0}}, {"narrow", DType::kI8, {5}}});
    file.Append(2, "abc", 3);  // in any order, each tensor's bytes in theirs
    file.Append(0, "0123456789ab", 12);
    file.Append(2, "de", 2);
    checksum = file.Finish();
  }
  int reads = 0;
  EXPECT_EQ(ShardChecksum(path, [&reads] { ++reads; }), checksum);
  EXPECT_GT(reads, 0);
  const std::string bytes = ReadTextFile(path);
  EXPECT_EQ(bytes.substr(bytes.size() - 17), "0123456789ababcde");
  for (size_t i = 8; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    std::ofstream(path, std::ios::binary) << damaged;
    try {
      EXPECT_NE(ShardChecksum(path, [] {}), checksum) << i;
    } catch (const Error&) {  // no safetensors file any more
    }
  }
}

}  // namespace
}  // namespace w8a16
