#include "arch/architecture.h"

#include "arch/describe.h"

namespace w8a16 {
namespace {

using testing::Describe;
using ::testing::ElementsAre;
using testing::ExpectRefused;

Json Config() { return testing::LlamaConfig(); }

std::vector<int64_t> Windows(const Architecture& a) {
  std::vector<int64_t> windows;
  for (const LayerSpec& layer : a.layers) windows.push_back(layer.window);
  return windows;
}

TEST(Architecture, Llama) {
  const Architecture a = Describe(Config());
  EXPECT_EQ(a.model_type, "llama");
  EXPECT_EQ(a.attention.head_dim, 16);
  EXPECT_EQ(a.attention.kv_heads, 2);
  ASSERT_EQ(a.layers.size(), 2U);
  EXPECT_EQ(a.layers[1].attention_scale, 0.25F);
  EXPECT_EQ(a.layers[1].rope, 0);
  EXPECT_EQ(a.norm.eps, 1e-5F);
  EXPECT_EQ(a.bos_id, 1);
  EXPECT_THAT(a.eos_ids, ElementsAre(2, 7));
  EXPECT_EQ(a.dtype, DType::kBF16);
  EXPECT_FALSE(a.attention.qkv_bias);
  EXPECT_THAT(Windows(a), ElementsAre(0, 0));
  ASSERT_EQ(a.ropes.size(), 1U);
  ASSERT_EQ(a.ropes[0].frequencies.size(), 8U);
  EXPECT_EQ(a.ropes[0].frequencies[0], 1.0F);
  EXPECT_FLOAT_EQ(a.ropes[0].frequencies[4], 0.01F);
}

TEST(Architecture, DefaultsOfMissingKeys) {
  Json config = Config();
  for (const char* key :
       {"num_key_value_heads", "rope_theta", "hidden_act", "torch_dtype", "bos_token_id", "eos_token_id"}) {
    config.erase(key);
  }
  config["rope_scaling"] = nullptr;
  const Architecture a = Describe(config);
  EXPECT_EQ(a.attention.kv_heads, 4);
  EXPECT_EQ(a.bos_id, -1);
  EXPECT_TRUE(a.eos_ids.empty());
  EXPECT_FALSE(a.dtype.has_value());
}

TEST(Architecture, HeadDimNeedNotBeHiddenOverHeads) {
  Json config = Config();
  config["head_dim"] = 32;
  const Architecture a = Describe(config);
  EXPECT_EQ(a.attention.head_dim, 32);
  EXPECT_THAT(Modules(a)[2].shape, ElementsAre(128, 64));
}

TEST(Architecture, MistralWindowsEveryLayer) {
  Json config = Config();
  config["model_type"] = "mistral";
  EXPECT_THAT(Windows(Describe(config)), ElementsAre(0, 0));
  config["sliding_window"] = 100;
  EXPECT_THAT(Windows(Describe(config)), ElementsAre(100, 100));
}

TEST(Architecture, Qwen2HasBiasesAndWindowsTheUpperLayers) {
  Json config = Config();
  config["model_type"] = "qwen2";
  config["sliding_window"] = 100;
  config["max_window_layers"] = 1;
  EXPECT_TRUE(Describe(config).attention.qkv_bias);
  EXPECT_FALSE(Describe(config).attention.out_bias);
  EXPECT_THAT(Windows(Describe(config)), ElementsAre(0, 0));
  config["use_sliding_window"] = true;
  EXPECT_THAT(Windows(Describe(config)), ElementsAre(0, 100));
}

TEST(Architecture, UnknownModelTypeListsTheKnownOnes) {
  Json config = Config();
  config["model_type"] = "rwkv";
  ExpectRefused(config, "model_type: \"rwkv\" is not supported; supported: bloom, codegen,");
  config.erase("model_type");
  ExpectRefused(config, "model_type: this key is missing");
}

TEST(Architecture, BadValuesNameTheKey) {
  const std::vector<std::tuple<const char*, Json, const char*>> cases = {
      {"hidden_size", nullptr, "hidden_size: this key is missing"},
      {"hidden_size", "64", "hidden_size: a whole number was expected, not \"64\""},
      {"hidden_size", 64.5, "hidden_size: a whole number was expected"},
      {"hidden_size", 0, "hidden_size: 0 is outside 1 to"},
      {"hidden_size", -64, "hidden_size: -64 is outside"},
      {"hidden_size", 18446744073709551615ULL, "hidden_size: 18446744073709551615 is outside"},
      {"hidden_size", 66, "hidden_size: 66 is not a multiple of num_attention_heads = 4"},
      {"num_key_value_heads", 3, "num_key_value_heads: 3 does not divide num_attention_heads = 4"},
      {"head_dim", 15, "head_dim: 15 is odd"},
      {"hidden_act", "mish", "hidden_act: \"mish\" is not supported; supported: silu"},
      {"rms_norm_eps", "small", "rms_norm_eps: a number was expected"},
      {"rms_norm_eps", -1, "rms_norm_eps: -1 is outside"},
      {"tie_word_embeddings", 1, "tie_word_embeddings: true or false was expected"},
      {"torch_dtype", "float8", "torch_dtype: \"float8\" is not supported; supported: float32, float16, bfloat16"},
      {"eos_token_id", "</s>", "eos_token_id: whole numbers were expected"},
      {"eos_token_id", -2, "eos_token_id: -2 is outside"},
  };
  for (const auto& [key, value, message] : cases) {
    Json config = Config();
    config[key] = value;
    ExpectRefused(config, message);
  }
}

TEST(Architecture, ModulesInOrder) {
  Json config = Config();
  config["tie_word_embeddings"] = true;
  config["attention_bias"] = true;
  const std::vector<ModuleSpec> modules = Modules(Describe(config));
  ASSERT_EQ(modules.size(), 2 * 9 + 3U);
  EXPECT_EQ(modules[0].name, "model.embed_tokens");
  EXPECT_EQ(modules[0].role, Role::kEmbedding);
  EXPECT_EQ(modules[3].name, "model.layers.0.self_attn.k_proj");
  EXPECT_EQ(modules[3].role, Role::kLinear);
  EXPECT_TRUE(modules[3].bias);
  EXPECT_THAT(modules[3].shape, ElementsAre(32, 64));
  EXPECT_EQ(modules[18].name, "model.layers.1.mlp.down_proj");
  EXPECT_THAT(modules[18].shape, ElementsAre(64, 144));
  EXPECT_EQ(modules.back().name, "lm_head");
  EXPECT_EQ(modules.back().role, Role::kHead);
  EXPECT_TRUE(modules.back().tied);
}

}  // namespace
}  // namespace w8a16
