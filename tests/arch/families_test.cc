// What single families do with their keys; that whole models come out right is shown by the golden models.

#include <utility>

#include "arch/describe.h"
#include "testing/goldens.h"

namespace w8a16 {
namespace {

using testing::Describe;
using ::testing::Each;
using ::testing::ElementsAre;
using testing::ExpectRefused;
using ::testing::IsEmpty;

// Enough for every family: each reads the spellings that it knows.
Json Config(const std::string& model_type, const Json& changes = Json::object()) {
  Json config = testing::LlamaConfig({{"model_type", model_type}, {"num_key_value_heads", 4}});
  config.update({{"num_local_experts", 4},
                 {"num_experts", 4},
                 {"num_experts_per_tok", 2},
                 {"moe_intermediate_size", 24},
                 {"shared_expert_intermediate_size", 40},
                 {"rotary_dim", 8}});
  if (model_type == "gpt_neo") config["attention_types"] = Json::parse(R"([[["global", "local"], 1]])");
  config.update(changes);
  return config;
}

std::vector<int64_t> Windows(const Architecture& a) {
  std::vector<int64_t> windows;
  for (const LayerSpec& layer : a.layers) windows.push_back(layer.window);
  return windows;
}

TEST(Families, EveryModelTypeIsDescribed) {
  for (const std::string& model_type : KnownModelTypes()) {
    const Architecture a = Describe(Config(model_type));
    EXPECT_EQ(a.model_type, model_type);
    EXPECT_EQ(a.layers.size(), 2U) << model_type;
    EXPECT_EQ(a.attention.rows.q.size(), 4U) << model_type;
    EXPECT_EQ(a.attention.rows.k.size(), static_cast<size_t>(a.attention.kv_heads)) << model_type;
    for (const ModuleSpec& module : Modules(a)) {
      EXPECT_FALSE(module.name.empty());
      for (int64_t size : module.shape) EXPECT_GT(size, 0) << model_type << " " << module.name;
    }
  }
}

// The rows of a fused projection are shared out among all heads, each row once.
TEST(Families, HeadsTakeEveryRowOfTheProjectionOnce) {
  for (const std::string& model_type : KnownModelTypes()) {
    const AttentionSpec attention = Describe(Config(model_type)).attention;
    std::vector<int64_t> rows = attention.rows.q;
    rows.insert(rows.end(), attention.rows.k.begin(), attention.rows.k.end());
    rows.insert(rows.end(), attention.rows.v.begin(), attention.rows.v.end());
    std::sort(rows.begin(), rows.end());
    for (size_t i = 0; i < rows.size(); ++i) {
      ASSERT_EQ(rows[i], static_cast<int64_t>(i) * attention.head_dim) << model_type;
    }
    EXPECT_EQ(rows.size(), static_cast<size_t>(attention.heads + 2 * attention.kv_heads)) << model_type;
  }
}

TEST(Families, OldSpellingsOfSizes) {
  Json config = Config("gpt2");
  for (const auto& [now, old] :
       std::vector<std::pair<const char*, const char*>>{{"hidden_size", "n_embd"},
                                                        {"num_hidden_layers", "n_layer"},
                                                        {"num_attention_heads", "n_head"},
                                                        {"intermediate_size", "n_inner"},
                                                        {"max_position_embeddings", "n_positions"}}) {
    config[old] = config[now];
    config.erase(now);
  }
  const Architecture a = Describe(config);
  EXPECT_EQ(a.hidden_size, 64);
  EXPECT_EQ(a.mlp.intermediate_size, 144);
  EXPECT_EQ(a.max_positions, 256);
  config["n_inner"] = nullptr;
  EXPECT_EQ(Describe(config).mlp.intermediate_size, 256);
  config.erase("n_head");
  ExpectRefused(config, "num_attention_heads: this key is missing");
}

TEST(Families, Activations) {
  for (const auto& [name, activation] :
       std::vector<std::pair<const char*, MlpActivation>>{{"silu", MlpActivation::kSilu},
                                                          {"swish", MlpActivation::kSilu},
                                                          {"gelu", MlpActivation::kGelu},
                                                          {"gelu_new", MlpActivation::kGeluTanh},
                                                          {"gelu_fast", MlpActivation::kGeluTanh},
                                                          {"gelu_pytorch_tanh", MlpActivation::kGeluTanh},
                                                          {"relu", MlpActivation::kRelu}}) {
    EXPECT_EQ(Describe(Config("llama", {{"hidden_act", name}})).mlp.activation, activation) << name;
  }
  for (const auto& [model_type, key] : std::vector<std::pair<const char*, const char*>>{{"llama", "hidden_act"},
                                                                                        {"gemma", "hidden_activation"},
                                                                                        {"gpt2", "activation_function"},
                                                                                        {"falcon", "activation"}}) {
    ExpectRefused(Config(model_type, {{key, "quick_gelu"}}),
                  std::string(key) + ": \"quick_gelu\" is not supported; supported: silu, swish, gelu,");
  }
}

TEST(Families, UnsupportedOptionsNameTheKey) {
  const std::vector<std::tuple<const char*, Json, const char*>> cases = {
      {"bloom",
       {{"apply_residual_connection_post_layernorm", true}},
       "apply_residual_connection_post_layernorm: true is not supported; supported: false"},
      {"gpt2", {{"add_cross_attention", true}}, "add_cross_attention: true is not supported"},
      {"gemma3_text", {{"use_bidirectional_attention", true}}, "use_bidirectional_attention: true is not supported"},
      {"mpt", {{"no_bias", false}}, "no_bias: false is not supported; supported: true"},
      {"mpt", {{"logit_scale", 0.5}}, "logit_scale: a scale of the logits is not supported"},
      {"mpt",
       {{"norm_type", "rmsnorm"}},
       "norm_type: \"rmsnorm\" is not supported; supported: low_precision_layernorm"},
      {"mpt", {{"attn_config", {{"alibi", false}}}}, "attn_config.alibi: false is not supported"},
      {"mpt", {{"attn_config", {{"qk_ln", true}}}}, "attn_config.qk_ln: true is not supported"},
      {"mpt", {{"attn_config", {{"prefix_lm", true}}}}, "attn_config.prefix_lm: true is not supported"},
      {"mpt",
       {{"attn_config", {{"attn_type", "multiquery_attention"}}}},
       "attn_config.attn_type: \"multiquery_attention\" is not supported"},
      {"falcon",
       {{"new_decoder_architecture", true}, {"parallel_attn", false}},
       "parallel_attn: false is not supported"},
      {"falcon",
       {{"new_decoder_architecture", true}, {"num_kv_heads", 3}},
       "num_kv_heads: 3 does not divide num_attention_heads = 4"},
      {"codegen",
       {{"num_attention_heads", 2}, {"num_key_value_heads", 2}},
       "num_attention_heads: 2 is not a multiple of the 4 partitions"},
      {"gptj", {{"rotary_dim", 7}}, "rotary_dim: 7 is odd"},
      {"gptj", {{"rotary_dim", 18}}, "rotary_dim: 18 is outside 2 to 16"},
      {"phi",
       {{"partial_rotary_factor", 0.05}},
       "partial_rotary_factor: 0.05 of head_dim = 16 is 0; rotary embedding needs pairs"},
      {"gpt_neox", {{"rotary_pct", 1.5}}, "rotary_pct: 1.5 is outside 0 to 1"},
      {"gpt_neo", {{"attention_types", {1}}}, "attention_types: [[kind, ...], repetitions] was expected, not 1"},
      {"gpt_neo",
       {{"attention_types", Json::parse("[[[], 1000000000000]]")}},
       "attention_types: [[kind, ...], repetitions] was expected"},
      {"gpt_neo",
       {{"attention_types", Json::parse(R"([[["global"], 1000000000000]])")}},
       "attention_types: 10001 entries for 2 layers"},
      {"llama", {{"num_attention_heads", 1 << 20}}, "num_attention_heads: 1048576 is outside 1 to 524288"},
      {"llama", {{"num_hidden_layers", 1000000}}, "num_hidden_layers: 1000000 is outside 0 to 10000"},
      {"mixtral", {{"num_local_experts", 1 << 20}}, "num_local_experts: 1048576 is outside 1 to 524288"},
      {"gpt_neo", {{"attention_layers", {"global"}}}, "attention_layers: 1 entries for 2 layers"},
      {"gpt_neo",
       {{"attention_layers", {"global", "sparse"}}},
       "attention_layers: \"sparse\" is not supported; supported: global, local"},
      {"gemma", {{"head_dim", 15}}, "head_dim: 15 is odd; rotary embedding needs pairs"},
      {"gemma3_text", {{"head_dim", 15}}, "head_dim: 15 is odd; rotary embedding needs pairs"},
      {"gemma2", {{"layer_types", {"full_attention"}}}, "layer_types: 1 entries for 2 layers"},
      {"mistral",
       {{"sliding_window", 8}, {"layer_types", {"full_attention", "chunked_attention"}}},
       "layer_types: \"chunked_attention\" is not supported; supported: full_attention, sliding_attention"},
      {"smollm3", {{"no_rope_layers", {1}}}, "no_rope_layers: one number for each layer was expected"},
      {"mixtral", {{"num_experts_per_tok", 5}}, "num_experts_per_tok: 5 is outside 1 to 4"},
      {"qwen3_moe", {{"moe_intermediate_size", nullptr}}, "moe_intermediate_size: this key is missing"},
      {"granite", {{"logits_scaling", 0}}, "logits_scaling: 0 is outside"},
      {"gemma3", {{"text_config", "text"}}, "text_config: a JSON object was expected"},
  };
  for (const auto& [model_type, changes, message] : cases) ExpectRefused(Config(model_type, changes), message);
}

TEST(Families, WindowsOfLayers) {
  EXPECT_THAT(Windows(Describe(Config("mistral"))), Each(0));
  EXPECT_THAT(Windows(Describe(Config("mistral", {{"sliding_window", 9}}))), Each(9));
  EXPECT_THAT(Windows(Describe(Config("gemma2", {{"sliding_window", 9}}))), ElementsAre(9, 0));
  EXPECT_THAT(Windows(Describe(Config("gpt_neo", {{"window_size", 9}}))), ElementsAre(0, 9));
  const Json turned = {"full_attention", "sliding_attention"};
  EXPECT_THAT(Windows(Describe(Config("gemma2", {{"sliding_window", 9}, {"layer_types", turned}}))), ElementsAre(0, 9));
}

TEST(Families, Gemma3TurnsLayersWithWindowsByAnotherBase) {
  const Architecture a = Describe(Config(
      "gemma3_text", {{"sliding_window_pattern", 2}, {"rope_scaling", {{"rope_type", "linear"}, {"factor", 8}}}}));
  ASSERT_EQ(a.ropes.size(), 2U);
  EXPECT_EQ(a.layers[0].rope, 1);
  EXPECT_EQ(a.layers[1].rope, 0);
  EXPECT_EQ(a.ropes[0].frequencies[0], 0.125F);
  EXPECT_EQ(a.ropes[1].frequencies[0], 1.0F);
  EXPECT_EQ(a.max_positions, 256);
}

TEST(Families, Gemma3InAModelOfTextAndImages) {
  Json config = {{"model_type", "gemma3"},
                 {"torch_dtype", "bfloat16"},
                 {"eos_token_id", {1, 106}},
                 {"text_config", {{"hidden_size", 64}, {"num_hidden_layers", 2}, {"bos_token_id", 5}}}};
  const Architecture a = Describe(config);
  EXPECT_EQ(a.hidden_size, 64);
  EXPECT_EQ(a.vocab_size, 262208);
  EXPECT_EQ(a.attention.head_dim, 256);
  EXPECT_THAT(a.eos_ids, ElementsAre(1, 106));
  EXPECT_EQ(a.bos_id, 5);
  EXPECT_EQ(a.dtype, DType::kBF16);
  EXPECT_TRUE(a.tied_head);
}

TEST(Families, ExpertsStayOutOfDenseLayers) {
  Architecture a = Describe(Config("qwen3_moe", {{"num_hidden_layers", 3}, {"decoder_sparse_step", 2}}));
  EXPECT_FALSE(a.layers[0].experts);
  EXPECT_TRUE(a.layers[1].experts);
  EXPECT_FALSE(a.layers[2].experts);
  a = Describe(Config("qwen3_moe", {{"num_hidden_layers", 3}, {"mlp_only_layers", {1}}}));
  EXPECT_TRUE(a.layers[0].experts);
  EXPECT_FALSE(a.layers[1].experts);
}

TEST(Families, RoutersAndSharedExpertGatesAreNoLinearLayersToQuantize) {
  for (const ModuleSpec& module : Modules(Describe(Config("qwen2_moe")))) {
    const bool gate = module.name.ends_with("mlp.gate") || module.name.ends_with("shared_expert_gate");
    EXPECT_EQ(module.role == Role::kRouter, gate) << module.name;
  }
}

// Published slopes: 8 heads have 1/2, 1/4, ...; 6 heads take those of 4 and every other one of 8.
TEST(Families, AlibiSlopes) {
  const auto slopes = [](const char* model_type, int64_t heads) {
    return Describe(Config(model_type, {{"hidden_size", 48 * heads},
                                        {"num_attention_heads", heads},
                                        {"num_key_value_heads", heads},
                                        {"alibi", true}}))
        .attention.alibi_slopes;
  };
  EXPECT_THAT(slopes("bloom", 8),
              ElementsAre(1.0F / 2, 1.0F / 4, 1.0F / 8, 1.0F / 16, 1.0F / 32, 1.0F / 64, 1.0F / 128, 1.0F / 256));
  EXPECT_THAT(slopes("bloom", 6), ElementsAre(1.0F / 4, 1.0F / 16, 1.0F / 64, 1.0F / 256, 1.0F / 2, 1.0F / 8));
  EXPECT_THAT(slopes("mpt", 6), ElementsAre(1.0F / 4, 1.0F / 16, 1.0F / 64, 1.0F / 256, 1.0F / 2, 1.0F / 8));
  EXPECT_THAT(slopes("falcon", 6), ElementsAre(1.0F / 4, 1.0F / 16, 1.0F / 64, 1.0F / 256, 1.0F / 2, 1.0F / 8));
  EXPECT_THAT(slopes("llama", 8), IsEmpty());
}

TEST(Families, OptNormsBeforeOrAfter) {
  const ModuleNames before = Describe(Config("opt")).names;
  EXPECT_EQ(before.attention_in_norm, "self_attn_layer_norm");
  EXPECT_EQ(before.final_norm, "final_layer_norm");
  EXPECT_EQ(before.attention_sum_norm, "");
  const ModuleNames after = Describe(Config("opt", {{"do_layer_norm_before", false}})).names;
  EXPECT_EQ(after.attention_in_norm, "");
  EXPECT_EQ(after.final_norm, "");
  EXPECT_EQ(after.mlp_sum_norm, "final_layer_norm");
}

}  // namespace
}  // namespace w8a16
