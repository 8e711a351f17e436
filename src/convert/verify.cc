#include "convert/verify.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "arch/architecture.h"
#include "base/strings.h"
#include "w8a16/checkpoint.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

// What belongs to a quantized layer and to nothing else.
constexpr std::array<std::string_view, 5> kParts = {"weight_packed", "weight_scale", "weight_shape", "SCB", "qweight"};

class Verifier {
 public:
  explicit Verifier(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

  std::vector<Finding> Run() {
    try {
      const Architecture architecture = DescribeArchitecture(checkpoint_);
      modules_ = Modules(architecture);
      CheckTensors(architecture, checkpoint_, [this](const std::string& problem) { Problem(problem); });
    } catch (const Error& error) {
      Problem(error.what());
    }
    const std::vector<std::string> quantized = QuantizedModules();
    if (checkpoint_.quantization()) {
      for (const std::string& module : quantized) CheckModule(module);
      if (quantized.empty()) Problem("config.json: quantization_config is there, but no layer is quantized");
      if (checkpoint_.quantization()->method == QuantizationMethod::kCompressedTensors) CheckSelection(quantized);
    } else if (!quantized.empty()) {
      Problem(StrCat("config.json: there is no quantization_config, but ", quantized.size(),
                     " layers are quantized, the first is \"", quantized.front(), "\""));
    }
    return std::move(findings_);
  }

 private:
  void Problem(const std::string& text) {
    // The architecture's check and the layer's own may find the same thing.
    const auto same = [&text](const Finding& finding) { return finding.text == text; };
    if (std::none_of(findings_.begin(), findings_.end(), same)) {
      findings_.push_back({Finding::Severity::kProblem, text});
    }
  }
  void Note(const std::string& text) { findings_.push_back({Finding::Severity::kNote, text}); }

  // All modules that have any tensor of a quantized layer, in the order of the data.
  std::vector<std::string> QuantizedModules() const {
    std::vector<std::string> modules;
    std::set<std::string_view> seen;
    for (const TensorInfo& tensor : checkpoint_.tensors()) {
      const std::string_view name = tensor.name;
      const size_t dot = name.rfind('.');
      if (dot == std::string_view::npos) continue;
      const std::string_view part = name.substr(dot + 1);
      const bool quantized = std::find(kParts.begin(), kParts.end(), part) != kParts.end() ||
                             (part == "weight" && tensor.dtype == DType::kI8);
      if (quantized && seen.insert(name.substr(0, dot)).second) modules.emplace_back(name.substr(0, dot));
    }
    return modules;
  }

  void CheckModule(const std::string& module) {
    try {
      const std::optional<QuantizedTensors> layer = checkpoint_.FindQuantized(module);
      if (!layer) return;
      CheckScales(*layer);
      CheckBytes(*layer);
    } catch (const Error& error) {
      Problem(error.what());
    }
  }

  void CheckScales(const QuantizedTensors& layer) {
    for (int64_t row = 0; row < layer.out_features; ++row) {
      const float scale = LoadFloat(layer.scales.data, layer.scales.dtype, row);
      if (std::isfinite(scale) && scale > 0) continue;
      Problem(
          StrCat("tensor \"", layer.parts[1], "\": scale ", row, " is ", scale, "; scales are finite and positive"));
      return;
    }
  }

  void CheckBytes(const QuantizedTensors& layer) {
    const bool flipped = layer.encoding == Int8Encoding::kFlipped;
    const std::string& name = layer.parts[0];
    const auto lowest = flipped ? std::byte{0x00} : std::byte{0x80};
    int64_t lowest_count = 0;
    int64_t padded_row = -1;
    for (int64_t row = 0; row < layer.out_features; ++row) {
      const std::byte* begin = layer.weights.data + row * layer.row_stride;
      const std::byte* end = begin + layer.in_features;
      lowest_count += std::count(begin, end, lowest);
      const bool zeros =
          std::all_of(end, begin + layer.row_stride, [](std::byte padding) { return padding == std::byte{0}; });
      if (!zeros && padded_row < 0) padded_row = row;
    }
    if (padded_row >= 0) Problem(StrCat("tensor \"", name, "\": the padding of row ", padded_row, " is not zero"));
    if (lowest_count > 0) {
      Note(StrCat("tensor \"", name, "\": ", lowest_count, " weights are -128, which \"w8a16 quantize\" never writes"));
    }
    checkpoint_.Release(name);
  }

  // Other readers decide by the configuration which layers are quantized, this one by the tensors: they must agree.
  void CheckSelection(const std::vector<std::string>& quantized) {
    const QuantizationConfig& config = *checkpoint_.quantization();
    const auto selects = [](const std::vector<std::string>& patterns, const std::string& module) {
      return std::any_of(patterns.begin(), patterns.end(),
                         [&module](const std::string& pattern) { return MatchesModule(pattern, module); });
    };
    const bool all_linears = std::find(config.targets.begin(), config.targets.end(), "Linear") != config.targets.end();
    for (const std::string& module : quantized) {
      if (selects(config.ignore, module)) {
        Problem(StrCat("config.json: quantization_config.ignore selects \"", module, "\", which is quantized"));
      } else if (!all_linears && !selects(config.targets, module)) {
        Problem(StrCat("config.json: no group of quantization_config has \"", module,
                       "\" among its targets, but it is ", "quantized"));
      }
    }
    const std::set<std::string_view> done(quantized.begin(), quantized.end());
    for (const ModuleSpec& module : modules_) {
      const bool linear = module.role == Role::kLinear || module.role == Role::kHead || module.role == Role::kRouter;
      if (!linear || done.contains(module.name) || selects(config.ignore, module.name)) continue;
      if (!all_linears && !selects(config.targets, module.name)) continue;
      Problem(StrCat("config.json: quantization_config.ignore does not select \"", module.name,
                     "\", which is not quantized; other readers will look for its quantized weights"));
    }
  }

  const Checkpoint& checkpoint_;
  std::vector<ModuleSpec> modules_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> VerifyCheckpoint(const std::filesystem::path& directory) {
  std::vector<Finding> findings;
  for (std::string& problem : Checkpoint::FindProblems(directory)) {
    findings.push_back({Finding::Severity::kProblem, std::move(problem)});
  }
  // Of a checkpoint that cannot be opened nothing more can be said.
  return findings.empty() ? Verifier(Checkpoint::Open(directory)).Run() : findings;
}

}  // namespace w8a16
