#include <map>

#include "cli/command.h"
#include "testing/fake_hub.h"
#include "testing/foreign_checkpoints.h"

namespace w8a16::testing {
namespace {

// The tiny model in a cache of its own, or on a server.
class HubModel : public ::testing::Test {
 protected:
  HubModel() {
    for (const char* name : {"config.json", "model.safetensors", "tokenizer.json"}) {
      hub_.files[name] = ReadTextFile(model_ / name);
    }
    hub_.large = {"model.safetensors"};
  }
  std::vector<std::string> Environment() const {
    return {"HF_HUB_CACHE=" + (cache_ / "hub").string(),
            "HF_HOME=" + cache_.path().string(),
            "HF_ENDPOINT=" + hub_.url(),
            "HF_TOKEN=",
            "HF_HUB_OFFLINE=0",
            "no_proxy=127.0.0.1"};
  }
  std::vector<std::string> Offline() const { return {"HF_HUB_CACHE=" + (cache_ / "hub").string(), "HF_HUB_OFFLINE=1"}; }

  TinyModel model_;
  TempDir cache_;
  FakeHub hub_;
};

TEST_F(HubModel, EveryCommandTakesAnId) {
  const Json logits = W8A16Json({"logits", model_.path(), "--prompt-ids", "1,5,9"});
  EXPECT_EQ(W8A16Json({"logits", "org/name", "--prompt-ids", "1,5,9"}, Environment()), logits);
  // From now on it is in the cache.
  const size_t requests = hub_.requests().size();
  const ProcessResult text = W8A16({"generate", "org/name@main", "--prompt", "ab", "--max-new-tokens", "4"}, Offline());
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_EQ(W8A16Json({"inspect", "org/name", "--verify"}, Offline())["problems"], Json::array());
  const std::string documents = cache_ / "documents.txt";
  WriteTextFile(documents, "a b c d");
  EXPECT_EQ(W8A16Json({"eval", "org/name", "--documents", documents, "--against", "org/name"}, Offline())["documents"],
            1);
  const std::string out = cache_ / "quantized";
  const ProcessResult quantized = W8A16({"quantize", "org/name", out}, Offline());
  EXPECT_EQ(quantized.exit_code, 0) << quantized.err;
  EXPECT_EQ(ReadTextFile(std::filesystem::path(out) / "tokenizer.json"), hub_.files["tokenizer.json"]);
  EXPECT_EQ(hub_.requests().size(), requests);
}

TEST_F(HubModel, SaysWhatIsMissing) {
  ExpectFailure(W8A16({"generate", "org/name", "--prompt", "a"}, Offline()), {"org/name", "HF_HUB_OFFLINE"});
  ExpectFailure(W8A16({"inspect", "org/other"}, Environment()), {"org/other", "no such directory", "no such model"});
}

// Of a checkpoint of one file, by name.
std::map<std::string, std::string> TensorBytes(const std::filesystem::path& directory) {
  std::map<std::string, std::string> bytes;
  for (const TestTensor& tensor : ReadTensors(directory / "model.safetensors")) bytes[tensor.name] = tensor.bytes;
  return bytes;
}

std::filesystem::path IntQuantized(const TinyModel& model, const TempDir& scratch) {
  const std::string made = scratch / "int";
  EXPECT_EQ(W8A16({"quantize", model.path(), made, "--format", "int-quantized"}).exit_code, 0);
  return made;
}

TEST(ForeignModel, GptqGivesTheSameLogits) {
  const TinyModel model;
  const TempDir scratch;
  const auto source = IntQuantized(model, scratch);
  WriteGptq(Checkpoint::Open(source), scratch / "gptq");
  EXPECT_EQ(W8A16Json({"logits", scratch / "gptq", "--prompt-ids", "1,5,9,11"})["logits"],
            W8A16Json({"logits", source, "--prompt-ids", "1,5,9,11"})["logits"]);
}

TEST(ForeignModel, GptqBecomesFloatAgain) {
  const TinyModel model;
  const TempDir scratch;
  const auto source = IntQuantized(model, scratch);
  WriteGptq(Checkpoint::Open(source), scratch / "gptq");
  ASSERT_EQ(W8A16({"dequantize", source, scratch / "from-int"}).exit_code, 0);
  const ProcessResult result = W8A16({"dequantize", scratch / "gptq", scratch / "from-gptq"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(TensorBytes(scratch / "from-gptq"), TensorBytes(scratch / "from-int"));
}

TEST(ForeignModel, BitsAndBytesRuns) {
  const TinyModel model;
  const TempDir scratch;
  WriteBitsAndBytes(Checkpoint::Open(IntQuantized(model, scratch)), scratch / "bnb");
  const Json result = W8A16Json({"inspect", scratch / "bnb", "--verify"});
  EXPECT_EQ(result["problems"], Json::array());
  EXPECT_EQ(W8A16Json({"logits", scratch / "bnb", "--prompt-ids", "1,5"})["logits"].size(), 2U);
  ExpectFailure(W8A16({"quantize", scratch / "bnb", scratch / "again"}), {"quantiz"});
}

// A checkpoint in PyTorch's format gives what its safetensors twin gives, in memory and on disk.
TEST(TorchModel, IsTheSameModel) {
  const TinyModel model;
  const TempDir scratch;
  const std::string script = R"(
import json, struct, sys, torch
data = open(sys.argv[1] + '/model.safetensors', 'rb').read()
size = struct.unpack('<Q', data[:8])[0]
state = {}
for name, info in json.loads(data[8:8 + size]).items():
    if name == '__metadata__': continue
    begin, end = info['data_offsets']
    state[name] = torch.frombuffer(bytearray(data[8 + size + begin:8 + size + end]), dtype=torch.float32).reshape(info['shape'])
torch.save(state, sys.argv[2] + '/pytorch_model.bin')
)";
  const std::string python = W8A16_PYTHON;
  const std::string made = scratch / "torch";
  std::filesystem::create_directories(made);
  if (!std::filesystem::exists(python) || RunProcess({python, "-c", script, model.path(), made}).exit_code != 0) {
    GTEST_SKIP() << "there is no PyTorch for " << python;
  }
  for (const char* name : {"config.json", "tokenizer.json"}) {
    std::filesystem::copy_file(model / name, std::filesystem::path(made) / name);
  }
  EXPECT_EQ(W8A16Json({"logits", made, "--prompt-ids", "1,5,9"}),
            W8A16Json({"logits", model.path(), "--prompt-ids", "1,5,9"}));
  EXPECT_EQ(W8A16Json({"inspect", made + "/pytorch_model.bin", "--verify"})["problems"], Json::array());
  ASSERT_EQ(W8A16({"quantize", made, scratch / "from-torch"}).exit_code, 0);
  ASSERT_EQ(W8A16({"quantize", model.path(), scratch / "from-safetensors"}).exit_code, 0);
  EXPECT_EQ(TensorBytes(scratch / "from-torch"), TensorBytes(scratch / "from-safetensors"));
}

}  // namespace
}  // namespace w8a16::testing
