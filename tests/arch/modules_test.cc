#include "arch/modules.h"

#include <map>

#include "arch/describe.h"
#include "testing/files.h"

namespace w8a16 {
namespace {

using ::testing::HasSubstr;
using testing::LlamaConfig;
using testing::TempDir;
using testing::TestTensor;
using ::testing::ThrowsMessage;

using Tensors = std::map<std::string, TestTensor>;

// Zeros for every module of a config, as a float checkpoint has them.
Tensors ZerosFor(const Json& config) {
  Tensors tensors;
  const auto add = [&](const std::string& name, std::vector<int64_t> shape) {
    size_t count = 1;
    for (const int64_t size : shape) count *= static_cast<size_t>(size);
    tensors[name] = {name, "F32", std::move(shape), std::string(4 * count, '\0')};
  };
  for (const ModuleSpec& module : Modules(testing::Describe(config))) {
    std::vector<int64_t> shape = module.shape;
    if (module.conv1d) std::swap(shape[0], shape[1]);
    if (!module.tied) add(module.name + ".weight", shape);
    if (module.bias) add(module.name + ".bias", {module.shape[0]});
  }
  return tensors;
}

class CheckpointFiles {
 public:
  CheckpointFiles(const Json& config, const Tensors& tensors) {
    std::vector<TestTensor> list;
    for (const auto& [name, tensor] : tensors) {
      list.push_back(tensor);
      list.back().name = name;
    }
    WriteTextFile(dir_ / "config.json", config.dump());
    WriteTextFile(dir_ / "model.safetensors", testing::SafetensorsBytes(list));
    checkpoint_.emplace(Checkpoint::Open(dir_.path()));
  }
  const Checkpoint& operator*() const { return *checkpoint_; }

 private:
  TempDir dir_;
  std::optional<Checkpoint> checkpoint_;
};

void ExpectFits(const Json& config, const Tensors& tensors) {
  const CheckpointFiles files(config, tensors);
  EXPECT_NO_THROW(CheckTensors(DescribeArchitecture(*files), *files));
}

void ExpectRefused(const Json& config, const Tensors& tensors, const std::string& message) {
  const CheckpointFiles files(config, tensors);
  EXPECT_THAT([&] { CheckTensors(DescribeArchitecture(*files), *files); }, ThrowsMessage<Error>(HasSubstr(message)));
}

Json Gpt2Config() {
  return {{"model_type", "gpt2"}, {"vocab_size", 10}, {"n_embd", 8}, {"n_head", 2}, {"n_layer", 1}, {"n_positions", 6}};
}

TEST(Modules, TensorsAsDescribedFit) {
  ExpectFits(LlamaConfig(), ZerosFor(LlamaConfig()));
  ExpectFits(Gpt2Config(), ZerosFor(Gpt2Config()));
}

TEST(Modules, MissingTensorsAndWrongShapesAndTypesAreNamed) {
  const Json config = LlamaConfig();
  const std::string down = "model.layers.1.mlp.down_proj.weight";
  Tensors tensors = ZerosFor(config);
  const TestTensor good = tensors[down];
  tensors.erase(down);
  ExpectRefused(config, tensors, "tensor " + down + " [64, 144] is missing; the weight files do not belong to this");
  tensors[down] = good;
  tensors[down].shape = {144, 64};
  ExpectRefused(config, tensors,
                "model.safetensors: tensor " + down + " has shape [144, 64], but config.json asks for [64, 144]");
  tensors[down] = {down, "I32", {64, 144}, std::string(size_t{4} * 64 * 144, '\0')};
  ExpectRefused(config, tensors, "tensor " + down + " has dtype I32; F32, F16 and BF16 are supported");
}

TEST(Modules, Conv1dLiesTransposed) {
  const std::string name = "transformer.h.0.attn.c_attn.weight";
  Tensors tensors = ZerosFor(Gpt2Config());
  EXPECT_EQ(tensors[name].shape, (std::vector<int64_t>{8, 24}));
  tensors[name].shape = {24, 8};
  ExpectRefused(Gpt2Config(), tensors, "has shape [24, 8], but config.json asks for [8, 24]");
}

TEST(Modules, ABiasOfATiedHeadIsNeeded) {
  Json config = LlamaConfig({{"model_type", "phi"}, {"num_key_value_heads", 4}, {"tie_word_embeddings", true}});
  Tensors tensors = ZerosFor(config);
  EXPECT_EQ(tensors.count("lm_head.weight"), 0U);
  ExpectFits(config, tensors);
  tensors.erase("lm_head.bias");
  ExpectRefused(config, tensors, "tensor lm_head.bias [160] is missing");
}

TEST(ModuleNames, FollowTheTensors) {
  const auto renamed = [](const Json& config, const std::string& from, const std::string& to) {
    Tensors out;
    for (auto& [name, tensor] : ZerosFor(config)) {
      out[name.starts_with(from) ? to + name.substr(from.size()) : name] = tensor;
    }
    return out;
  };
  for (const char* prefix : {"", "language_model.model.", "model.language_model."}) {
    ExpectFits(LlamaConfig(), renamed(LlamaConfig(), "model.", prefix));
  }
  ExpectFits(Gpt2Config(), renamed(Gpt2Config(), "transformer.", ""));
  ExpectFits(LlamaConfig(), renamed(LlamaConfig(), "lm_head", "language_model.lm_head"));
}

TEST(ModuleNames, StayAsPublishedWhereTheTensorsDoNotDecide) {
  Tensors tensors = ZerosFor(LlamaConfig());
  tensors["other.embed_tokens.weight"] = tensors["model.embed_tokens.weight"];
  ExpectFits(LlamaConfig(), tensors);
  tensors.erase("model.embed_tokens.weight");
  tensors.erase("other.embed_tokens.weight");
  ExpectRefused(LlamaConfig(), tensors, "tensor model.embed_tokens.weight [160, 64] is missing");
  // A name that only ends alike is another name.
  tensors["my_embed_tokens.weight"] = {"", "F32", {160, 64}, std::string(size_t{4} * 160 * 64, '\0')};
  ExpectRefused(LlamaConfig(), tensors, "tensor model.embed_tokens.weight [160, 64] is missing");
}

}  // namespace
}  // namespace w8a16
