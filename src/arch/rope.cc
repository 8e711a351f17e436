#include "arch/rope.h"

#include <cmath>
#include <numbers>

#include "arch/config_reader.h"
#include "base/strings.h"

namespace w8a16 {
namespace {

// Llama 3.1: long wavelengths are stretched by `factor`, short ones kept, those between interpolated.
void ScaleLlama3(const ConfigReader& scaling, std::vector<float>& frequencies) {
  const double factor = scaling.Number("factor", 1, 1e6);
  const double low = scaling.Number("low_freq_factor", 1e-6, 1e6);
  const double high = scaling.Number("high_freq_factor", 1e-6, 1e6);
  const double original = static_cast<double>(scaling.Int("original_max_position_embeddings", 1, INT32_MAX));
  if (high <= low) scaling.Fail("high_freq_factor", "must be greater than low_freq_factor");
  for (float& frequency : frequencies) {
    const double wavelength = 2 * std::numbers::pi / frequency;
    if (wavelength < original / high) continue;
    const double smooth = wavelength > original / low ? 0 : (original / wavelength - low) / (high - low);
    frequency = static_cast<float>((1 - smooth) * frequency / factor + smooth * frequency);
  }
}

}  // namespace

RopeSpec DescribeRope(const ConfigReader& config, int64_t rotary_dim) {
  RopeSpec rope;
  const double theta = config.Number("rope_theta", 1, 1e12, 10000.0);
  for (int64_t i = 0; i < rotary_dim / 2; ++i) {
    // float32 steps, as transformers takes them, so that angles far into the context agree too.
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(rotary_dim);
    rope.inverse_frequencies.push_back(1.0F / static_cast<float>(std::pow(theta, static_cast<double>(exponent))));
  }
  if (!config.Has("rope_scaling")) return rope;
  const ConfigReader scaling = config.Object("rope_scaling");
  const std::string kind = scaling.String(scaling.Has("rope_type") ? "rope_type" : "type", "default");
  if (kind == "linear") {
    const auto factor = static_cast<float>(scaling.Number("factor", 1, 1e6));
    for (float& frequency : rope.inverse_frequencies) frequency /= factor;
  } else if (kind == "llama3") {
    ScaleLlama3(scaling, rope.inverse_frequencies);
  } else if (kind != "default") {
    scaling.Fail("rope_type", StrCat("\"", kind, "\" is not supported; supported: default, linear, llama3"));
  }
  return rope;
}

}  // namespace w8a16
