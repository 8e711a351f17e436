#include "arch/rope.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <optional>
#include <string>

#include "arch/config_reader.h"
#include "base/strings.h"

namespace w8a16 {
namespace {

constexpr double kMaxFactor = 1e6;

// float32 steps, as transformers takes them, so that angles far into the context agree too.
float BasePower(double base, int64_t i, int64_t rotary_dim) {
  const float exponent = static_cast<float>(2 * i) / static_cast<float>(rotary_dim);
  return static_cast<float>(std::pow(base, static_cast<double>(exponent)));
}

void FillFrequencies(double base, std::span<float> out) {
  const auto pairs = static_cast<int64_t>(out.size());
  for (int64_t i = 0; i < pairs; ++i) out[static_cast<size_t>(i)] = 1.0F / BasePower(base, i, 2 * pairs);
}

// The number of positions that the model was trained on before it was extended.
int64_t OriginalPositions(const ConfigReader& config, const ConfigReader& scaling, int64_t fallback) {
  const char* key = "original_max_position_embeddings";
  return scaling.Int(key, 1, INT32_MAX, config.Int(key, 1, INT32_MAX, fallback));
}

// As many positions as `factor` stretches the model's own to.
int64_t Stretched(int64_t positions, double factor) {
  return static_cast<int64_t>(static_cast<double>(positions) * factor);
}

// transformers 4.43 to 4.50 knew YaRN, but took max_position_embeddings for the original context whatever the config
// said. A config that one of them wrote means that; others mean what they say.
bool WrittenByEarlyYarn(const ConfigReader& config) {
  int major = 0;
  int minor = 0;
  const std::string version = config.String("transformers_version", "");
  if (std::sscanf(version.c_str(), "%d.%d", &major, &minor) != 2) return false;
  return major == 4 && minor >= 43 && minor <= 50;
}

void ScaleLinear(const ConfigReader& scaling, const RopeBasis& basis, RopeSpec& rope) {
  const double factor = scaling.Number("factor", 1, kMaxFactor);
  rope.max_positions = Stretched(basis.max_positions, factor);
  for (float& frequency : rope.frequencies) frequency /= static_cast<float>(factor);
}

void ScaleDynamic(const ConfigReader& scaling, const RopeBasis& basis, RopeSpec& rope) {
  rope.length = RopeLength::kDynamic;
  rope.base = basis.base;
  rope.factor = scaling.Number("factor", 1, kMaxFactor);
  rope.original_positions = basis.max_positions;
  rope.max_positions = Stretched(basis.max_positions, rope.factor);
}

// Llama 3.1: long wavelengths are stretched by `factor`, short ones kept, those between interpolated.
void ScaleLlama3(const ConfigReader& scaling, RopeSpec& rope) {
  const double factor = scaling.Number("factor", 1, kMaxFactor);
  const double low = scaling.Number("low_freq_factor", 1e-6, 1e6);
  const double high = scaling.Number("high_freq_factor", 1e-6, 1e6);
  const double original = static_cast<double>(scaling.Int("original_max_position_embeddings", 1, INT32_MAX));
  if (high <= low) scaling.Fail("high_freq_factor", "must be greater than low_freq_factor");
  for (float& frequency : rope.frequencies) {
    const double wavelength = 2 * std::numbers::pi / frequency;
    if (wavelength < original / high) continue;
    const double smooth = wavelength > original / low ? 0 : (original / wavelength - low) / (high - low);
    frequency = static_cast<float>((1 - smooth) * frequency / factor + smooth * frequency);
  }
}

double YarnMagnitude(double factor, double weight) { return factor <= 1 ? 1 : 0.1 * weight * std::log(factor) + 1; }

float YarnAttentionFactor(const ConfigReader& scaling, double factor) {
  double fallback = YarnMagnitude(factor, 1);
  if (scaling.Has("mscale") && scaling.Has("mscale_all_dim")) {
    fallback = YarnMagnitude(factor, scaling.Number("mscale", 0, kMaxFactor)) /
               YarnMagnitude(factor, scaling.Number("mscale_all_dim", 0, kMaxFactor));
  }
  return static_cast<float>(scaling.Number("attention_factor", 0, kMaxFactor, fallback));
}

// YaRN (Peng et al. 2023): pairs that turn more than beta_fast times within the original context are kept, those that
// turn less than beta_slow times stretched by `factor`, those between interpolated by their number.
void ScaleYarn(const ConfigReader& config, const ConfigReader& scaling, const RopeBasis& basis, RopeSpec& rope) {
  const double factor = scaling.Number("factor", 1, kMaxFactor);
  const double fast = scaling.Number("beta_fast", 1e-6, 1e6, 32.0);
  const double slow = scaling.Number("beta_slow", 1e-6, 1e6, 1.0);
  const int64_t stated = OriginalPositions(config, scaling, basis.max_positions);
  const int64_t original = WrittenByEarlyYarn(config) ? basis.max_positions : stated;
  const auto pair_that_turns = [&](double times) {
    const double wavelength = static_cast<double>(original) / (times * 2 * std::numbers::pi);
    return static_cast<double>(basis.rotary_dim) * std::log(wavelength) / (2 * std::log(basis.base));
  };
  const bool whole = scaling.Bool("truncate", true);
  const double first = whole ? std::floor(pair_that_turns(fast)) : pair_that_turns(fast);
  const double last = whole ? std::ceil(pair_that_turns(slow)) : pair_that_turns(slow);
  const double low = std::max(first, 0.0);
  double high = std::min(last, static_cast<double>(basis.rotary_dim - 1));
  if (low == high) high += 0.001;
  for (size_t i = 0; i < rope.frequencies.size(); ++i) {
    const auto stretched = static_cast<float>(std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0));
    const float power = BasePower(basis.base, static_cast<int64_t>(i), basis.rotary_dim);
    rope.frequencies[i] = 1.0F / (static_cast<float>(factor) * power) * stretched + 1.0F / power * (1.0F - stretched);
  }
  rope.attention_factor = YarnAttentionFactor(scaling, factor);
  rope.max_positions = std::max(basis.max_positions, Stretched(stated, factor));
}

std::vector<float> Divided(const ConfigReader& scaling, const char* key, const RopeBasis& basis) {
  const std::vector<double> factors = scaling.Numbers(key, 1e-6, kMaxFactor);
  if (static_cast<int64_t>(factors.size()) != basis.rotary_dim / 2) {
    scaling.Fail(key,
                 StrCat(factors.size(), " numbers; one for each of ", basis.rotary_dim / 2, " pairs was expected"));
  }
  std::vector<float> frequencies(factors.size());
  for (size_t i = 0; i < factors.size(); ++i) {
    const float power = BasePower(basis.base, static_cast<int64_t>(i), basis.rotary_dim);
    frequencies[i] = 1.0F / (static_cast<float>(factors[i]) * power);
  }
  return frequencies;
}

// LongRoPE (Ding et al. 2024): each frequency has a factor of its own, one for texts within the original context and
// one for longer ones.
void ScaleLongRope(const ConfigReader& config, const ConfigReader& scaling, const RopeBasis& basis, RopeSpec& rope) {
  rope.length = RopeLength::kSwitch;
  rope.frequencies = Divided(scaling, "short_factor", basis);
  rope.long_frequencies = Divided(scaling, "long_factor", basis);
  rope.original_positions = OriginalPositions(config, scaling, 0);
  double factor = 0;
  if (rope.original_positions != 0) {
    factor = static_cast<double>(basis.max_positions) / static_cast<double>(rope.original_positions);
  } else {
    factor = scaling.Number("factor", 1, kMaxFactor);
    rope.original_positions = basis.max_positions;
    rope.max_positions = Stretched(basis.max_positions, factor);
  }
  const double grown = 1 + std::log(factor) / std::log(static_cast<double>(rope.original_positions));
  const double fallback = factor <= 1 ? 1 : std::sqrt(grown);
  rope.attention_factor = static_cast<float>(scaling.Number("attention_factor", 0, kMaxFactor, fallback));
}

// transformers 5 keeps base and scaling together.
constexpr const char* kParameters = "rope_parameters";

}  // namespace

void RopeSpec::DynamicFrequencies(int64_t positions, std::span<float> out) const {
  const double growth =
      factor * static_cast<double>(positions) / static_cast<double>(original_positions) - (factor - 1);
  const auto dim = static_cast<double>(rotary_dim());
  FillFrequencies(base * std::pow(growth, dim / (dim - 2)), out);
}

RopeSpec UnscaledRope(const RopeBasis& basis) {
  RopeSpec rope;
  rope.interleaved = basis.interleaved;
  rope.max_positions = basis.max_positions;
  rope.frequencies.resize(static_cast<size_t>(basis.rotary_dim / 2));
  FillFrequencies(basis.base, rope.frequencies);
  return rope;
}

RopeSpec DescribeRope(const ConfigReader& config, const RopeBasis& basis) {
  for (const char* key : {kParameters, "rope_scaling"}) {
    if (config.Has(key)) return ScaledRope(config, config.Object(key), basis);
  }
  return UnscaledRope(basis);
}

RopeSpec ScaledRope(const ConfigReader& config, const ConfigReader& scaling, const RopeBasis& basis) {
  RopeSpec rope = UnscaledRope(basis);
  const std::string_view key = scaling.FirstOf({"rope_type", "type"});
  const std::string kind = scaling.String(key, "default");
  if (kind == "linear") {
    ScaleLinear(scaling, basis, rope);
  } else if (kind == "dynamic") {
    ScaleDynamic(scaling, basis, rope);
  } else if (kind == "llama3") {
    ScaleLlama3(scaling, rope);
  } else if (kind == "yarn") {
    ScaleYarn(config, scaling, basis, rope);
  } else if (kind == "longrope" || kind == "su") {
    ScaleLongRope(config, scaling, basis, rope);
  } else if (kind != "default") {
    scaling.Fail(key, StrCat("\"", kind, "\" is not supported; supported: default, linear, dynamic, llama3, yarn, ",
                             "longrope"));
  }
  return rope;
}

double RopeParameter(const ConfigReader& config, std::string_view key, double low, double high, double fallback) {
  if (config.Has(key) || !config.Has(kParameters)) return config.Number(key, low, high, fallback);
  return config.Object(kParameters).Number(key, low, high, fallback);
}

double RopeBase(const ConfigReader& config, double fallback) {
  return RopeParameter(config, "rope_theta", 1, 1e12, fallback);
}

}  // namespace w8a16
