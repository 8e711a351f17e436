#include "convert/convert.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <numeric>
#include <utility>

#include "arch/architecture.h"
#include "base/strings.h"
#include "checkpoint/quantization_config.h"
#include "convert/layer_writer.h"
#include "convert/other_files.h"
#include "convert/output_directory.h"
#include "convert/plan.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

constexpr const char* kConfigFile = "config.json";
constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";

using Declarations = std::vector<SafetensorsWriter::Declaration>;

class Converter {
 public:
  Converter(const Checkpoint& checkpoint, const ConvertPlan& plan, QuantizedFormat format, OutputDirectory& output,
            const ConvertProgress& progress)
      : checkpoint_(checkpoint), plan_(plan), format_(format), output_(output), progress_(progress) {
    for (const TensorInfo& tensor : checkpoint.tensors()) {
      report_.bytes_before += tensor.bytes;
      if (plan.dropped.contains(tensor.name)) bytes_done_ += tensor.bytes;
    }
    report_.layers.resize(plan.layers.size());
  }

  ConvertReport Run() {
    if (progress_) progress_(bytes_done_, report_.bytes_before);
    for (const std::string& file : checkpoint_.files()) ConvertFile(file);
    if (checkpoint_.files() != std::vector<std::string>{kSingleFile}) AddIndex();
    return std::move(report_);
  }

 private:
  // A tensor of the source and the numbers, in the file that is written, of what it becomes.
  struct Step {
    const TensorInfo* source;
    std::vector<size_t> at;
  };

  void ConvertFile(const std::string& file) {
    std::vector<Step> steps;
    const Declarations tensors = Lay(file, steps);
    if (tensors.empty()) return;  // it held nothing but a copy of tied weights
    for (const auto& tensor : tensors) {
      weight_map_.emplace(tensor.name, file);
      report_.bytes_after += TensorView{nullptr, tensor.dtype, tensor.shape}.Bytes();
    }
    SafetensorsWriter& writer = output_.AddWeights(file, tensors);
    for (const Step& step : steps) WriteStep(step, writer);
    writer.Sync();
  }

  // Fills `steps` in the order of the source and returns the tensors in theirs: that of the source, but wide elements
  // first, so that every tensor is aligned however long the bytes before it are.
  Declarations Lay(const std::string& file, std::vector<Step>& steps) const {
    Declarations in_order;
    for (const TensorInfo& tensor : checkpoint_.tensors()) {
      if (tensor.file != file || plan_.dropped.contains(tensor.name)) continue;
      const auto layer = plan_.quantized.find(tensor.name);
      Declarations made = layer == plan_.quantized.end()
                              ? Declarations{{tensor.name, tensor.dtype, tensor.shape}}
                              : QuantizedDeclarations(plan_.layers[layer->second], tensor, format_);
      Step& step = steps.emplace_back(Step{&tensor, std::vector<size_t>(made.size())});
      std::iota(step.at.begin(), step.at.end(), in_order.size());
      std::move(made.begin(), made.end(), std::back_inserter(in_order));
    }
    std::vector<size_t> order(in_order.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&in_order](size_t a, size_t b) {
      return DTypeSize(in_order[a].dtype) > DTypeSize(in_order[b].dtype);
    });
    Declarations laid;
    std::vector<size_t> place(order.size());
    for (size_t i = 0; i < order.size(); ++i) {
      place[order[i]] = i;
      laid.push_back(std::move(in_order[order[i]]));
    }
    for (Step& step : steps) {
      for (size_t& at : step.at) at = place[at];
    }
    return laid;
  }

  void WriteStep(const Step& step, SafetensorsWriter& writer) {
    const auto done = [this](uint64_t bytes) {
      bytes_done_ += bytes;
      if (progress_) progress_(bytes_done_, report_.bytes_before);
    };
    const TensorInfo& source = *step.source;
    const auto layer = plan_.quantized.find(source.name);
    if (layer == plan_.quantized.end()) {
      WriteUnchanged(checkpoint_, source, writer, step.at[0], done);
      return;
    }
    const QuantizationError error = WriteQuantized(checkpoint_, source, format_, writer, step.at, done);
    report_.layers[layer->second] = {plan_.layers[layer->second], source.shape[0], source.shape[1], error.SqnrDb()};
  }

  void AddIndex() {
    const Json index = {{"metadata", {{"total_size", report_.bytes_after}}}, {"weight_map", weight_map_}};
    output_.AddText(kIndexFile, JsonFileText(index));
  }

  const Checkpoint& checkpoint_;
  const ConvertPlan& plan_;
  const QuantizedFormat format_;
  OutputDirectory& output_;
  const ConvertProgress& progress_;
  ConvertReport report_;
  std::map<std::string, std::string> weight_map_;
  uint64_t bytes_done_ = 0;
};

ConvertReport Convert(const std::filesystem::path& source, const std::filesystem::path& destination,
                      const ConvertOptions& options, const ConvertProgress& progress) {
  const auto start = std::chrono::steady_clock::now();
  const Checkpoint checkpoint = Checkpoint::Open(source);
  const std::string config_path = (source / kConfigFile).string();
  if (checkpoint.quantization()) {
    throw Error(StrCat(config_path, ": quantization_config: the checkpoint is quantized already; name the float one"));
  }
  const Architecture architecture = DescribeArchitecture(checkpoint);
  CheckTensors(architecture, checkpoint);
  const ConvertPlan plan = PlanConversion(architecture, options);
  const OtherFiles others = ListOtherFiles(checkpoint);

  OutputDirectory output(source, destination, options.force);
  ConvertReport report = Converter(checkpoint, plan, options.format, output, progress).Run();
  for (const std::filesystem::path& file : others.copied) output.AddCopy(file);
  const Json config = ParseJson(checkpoint.config_text(), config_path);
  output.AddText(kConfigFile, JsonFileText(WithQuantizationConfig(config, {options.format, plan.ignored})));
  output.Commit();

  report.ignored = plan.ignored;
  report.unmatched = plan.unmatched;
  report.skipped_files = others.skipped;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace

ConvertReport QuantizeCheckpoint(const std::filesystem::path& source, const std::filesystem::path& destination,
                                 const ConvertOptions& options, const ConvertProgress& progress) {
  try {
    return Convert(source, destination, options, progress);
  } catch (const std::filesystem::filesystem_error& error) {
    throw Error(error.what());
  }
}

}  // namespace w8a16
