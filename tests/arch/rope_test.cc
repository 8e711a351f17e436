#include "arch/rope.h"

#include <cmath>

#include "arch/describe.h"

namespace w8a16 {
namespace {

using testing::Describe;
using ::testing::ElementsAre;
using testing::ExpectRefused;
using testing::LlamaConfig;

Json WithScaling(const Json& scaling) { return LlamaConfig({{"rope_scaling", scaling}}); }

RopeSpec Rope(const Json& config) { return Describe(config).ropes.at(0); }

TEST(Rope, PowersOfTheBase) {
  const RopeSpec rope = Rope(LlamaConfig());
  ASSERT_EQ(rope.frequencies.size(), 8U);
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_FLOAT_EQ(rope.frequencies[i], static_cast<float>(std::pow(10000.0, -static_cast<double>(i) / 8)));
  }
  EXPECT_EQ(rope.attention_factor, 1.0F);
  EXPECT_EQ(rope.length, RopeLength::kFixed);
  EXPECT_EQ(Describe(LlamaConfig()).max_positions, 256);
  EXPECT_EQ(Rope(WithScaling({{"rope_type", "default"}})).frequencies, rope.frequencies);
}

TEST(Rope, LinearDividesAllFrequencies) {
  const Json config = WithScaling({{"type", "linear"}, {"factor", 4.0}});
  EXPECT_EQ(Rope(config).frequencies[3], Rope(LlamaConfig()).frequencies[3] / 4);
  EXPECT_EQ(Describe(config).max_positions, 1024);
}

// Llama 3.1's published parameters, on this config's small head: short wavelengths stay, long ones are divided by 8.
TEST(Rope, Llama3DividesLongWavelengths) {
  Json config = WithScaling({{"rope_type", "llama3"},
                             {"factor", 8.0},
                             {"low_freq_factor", 1.0},
                             {"high_freq_factor", 4.0},
                             {"original_max_position_embeddings", 8192}});
  config["rope_theta"] = 500000.0;
  const std::vector<float> unscaled = Rope(LlamaConfig({{"rope_theta", 500000.0}})).frequencies;
  const std::vector<float> scaled = Rope(config).frequencies;
  EXPECT_EQ(scaled[0], unscaled[0]);
  EXPECT_EQ(scaled[7], unscaled[7] / 8);
  // Wavelength 2 pi 500000^(5/8) = 22912 is above 8192, and 2 pi 500000^(4/8) = 4443 between 2048 and 8192.
  EXPECT_EQ(scaled[5], unscaled[5] / 8);
  const double smooth = (8192 / (2 * 3.14159265358979 * std::sqrt(500000.0)) - 1) / 3;
  EXPECT_NEAR(scaled[4] / unscaled[4], (1 - smooth) / 8 + smooth, 1e-6);
}

TEST(Rope, DynamicBaseFollowsTheLength) {
  const Json config = WithScaling({{"type", "dynamic"}, {"factor", 2.0}});
  const RopeSpec rope = Rope(config);
  EXPECT_EQ(rope.length, RopeLength::kDynamic);
  EXPECT_EQ(rope.original_positions, 256);
  EXPECT_EQ(Describe(config).max_positions, 512);
  EXPECT_EQ(rope.frequencies, Rope(LlamaConfig()).frequencies);
  std::vector<float> out(8);
  rope.DynamicFrequencies(256, out);
  EXPECT_EQ(out, rope.frequencies);
  rope.DynamicFrequencies(384, out);
  const double base = 10000 * std::pow(2.0 * 384 / 256 - 1, 16.0 / 14);
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_FLOAT_EQ(out[i], static_cast<float>(std::pow(base, -static_cast<double>(i) / 8)));
  }
}

TEST(Rope, YarnBlendsByHowOftenAPairTurns) {
  Json config = WithScaling({{"rope_type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 64}});
  const std::vector<float> plain = Rope(LlamaConfig()).frequencies;
  RopeSpec rope = Rope(config);
  EXPECT_FLOAT_EQ(rope.attention_factor, 0.1F * std::log(4.0F) + 1);
  // 64 positions turn pair i 64 / (2 pi 10000^(i/8)) times: 32 times before pair 0, once at pair 2.01, rounded up to 3.
  EXPECT_EQ(rope.frequencies[0], plain[0]);
  EXPECT_NEAR(rope.frequencies[1] / plain[1], 2.0 / 3 + 1.0 / 3 / 4, 1e-6);
  EXPECT_NEAR(rope.frequencies[2] / plain[2], 1.0 / 3 + 2.0 / 3 / 4, 1e-6);
  EXPECT_EQ(rope.frequencies[3], plain[3] / 4);
  EXPECT_EQ(Describe(config).max_positions, 256);
  config["max_position_embeddings"] = 64;
  EXPECT_EQ(Describe(config).max_positions, 256);
  EXPECT_EQ(Rope(config).frequencies, rope.frequencies);
  config["rope_scaling"]["attention_factor"] = 1.5;
  EXPECT_EQ(Rope(config).attention_factor, 1.5F);
}

// Early transformers took max_position_embeddings for the original context: what they wrote means that.
TEST(Rope, YarnOfEarlyTransformers) {
  const Json scaling = {{"rope_type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 64}};
  Json config = WithScaling(scaling);
  const std::vector<float> stated = Rope(config).frequencies;
  for (const char* version : {"4.31.0", "4.42.1", "4.51.0", "5.0.0", "main"}) {
    config["transformers_version"] = version;
    EXPECT_EQ(Rope(config).frequencies, stated) << version;
  }
  config["transformers_version"] = "4.47.0.dev0";
  const std::vector<float> early = Rope(config).frequencies;
  EXPECT_NE(early, stated);
  config.erase("transformers_version");
  config["rope_scaling"]["original_max_position_embeddings"] = 256;
  EXPECT_EQ(Rope(config).frequencies, early);
}

TEST(Rope, LongRopeHasFactorsForShortAndLongTexts) {
  const Json scaling = {
      {"type", "su"}, {"short_factor", {1, 1, 1, 1, 2, 2, 2, 2}}, {"long_factor", {1, 2, 3, 4, 5, 6, 7, 8}}};
  Json config = WithScaling(scaling);
  config["original_max_position_embeddings"] = 64;
  const std::vector<float> plain = Rope(LlamaConfig()).frequencies;
  const RopeSpec rope = Rope(config);
  EXPECT_EQ(rope.length, RopeLength::kSwitch);
  EXPECT_EQ(rope.original_positions, 64);
  EXPECT_EQ(rope.frequencies[3], plain[3]);
  EXPECT_EQ(rope.frequencies[7], plain[7] / 2);
  EXPECT_EQ(rope.long_frequencies[7], plain[7] / 8);
  EXPECT_FLOAT_EQ(rope.attention_factor, std::sqrt(1 + std::log(4.0F) / std::log(64.0F)));
  EXPECT_EQ(Describe(config).max_positions, 256);

  config.erase("original_max_position_embeddings");
  ExpectRefused(config, "rope_scaling.factor: this key is missing");
  config["rope_scaling"]["factor"] = 2;
  EXPECT_EQ(Rope(config).original_positions, 256);
  EXPECT_EQ(Describe(config).max_positions, 512);
  config["rope_scaling"]["long_factor"] = {1, 2, 3};
  ExpectRefused(config, "rope_scaling.long_factor: 3 numbers; one for each of 8 pairs was expected");
  config["rope_scaling"]["long_factor"] = "long";
  ExpectRefused(config, "rope_scaling.long_factor: a list of numbers was expected, not \"long\"");
  config["rope_scaling"]["long_factor"] = {1, 2, "3", 4, 5, 6, 7, 8};
  ExpectRefused(config, "rope_scaling.long_factor: a number was expected, not \"3\"");
}

TEST(Rope, Transformers5KeepsBaseAndScalingTogether) {
  Json config = LlamaConfig({{"rope_parameters", {{"rope_type", "linear"}, {"factor", 2.0}, {"rope_theta", 500.0}}}});
  config.erase("rope_theta");
  Json old = WithScaling({{"rope_type", "linear"}, {"factor", 2.0}});
  old["rope_theta"] = 500.0;
  EXPECT_EQ(Rope(config).frequencies, Rope(old).frequencies);
}

TEST(Rope, BadScalingsNameTheKey) {
  const std::vector<std::pair<Json, const char*>> cases = {
      {3, "rope_scaling: a JSON object was expected"},
      {{{"rope_type", "spiral"}},
       "rope_scaling.rope_type: \"spiral\" is not supported; supported: default, linear, dynamic, llama3, yarn, "
       "longrope"},
      {{{"type", "mrope"}}, "rope_scaling.type: \"mrope\" is not supported"},
      {{{"type", "linear"}}, "rope_scaling.factor: this key is missing"},
      {{{"type", "linear"}, {"factor", 0.5}}, "rope_scaling.factor: 0.5 is outside 1 to"},
      {{{"type", "dynamic"}, {"factor", "2"}}, "rope_scaling.factor: a number was expected"},
      {{{"type", "yarn"}, {"factor", 2}, {"original_max_position_embeddings", 0}},
       "rope_scaling.original_max_position_embeddings: 0 is outside 1 to"},
      {{{"type", "llama3"},
        {"factor", 8},
        {"low_freq_factor", 4},
        {"high_freq_factor", 4},
        {"original_max_position_embeddings", 64}},
       "rope_scaling.high_freq_factor: must be greater than low_freq_factor"},
      {{{"type", "longrope"}, {"short_factor", {0, 1, 1, 1, 1, 1, 1, 1}}}, "rope_scaling.short_factor: 0 is outside"},
  };
  for (const auto& [scaling, message] : cases) ExpectRefused(WithScaling(scaling), message);
}

}  // namespace
}  // namespace w8a16
