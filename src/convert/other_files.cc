#include "convert/other_files.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "checkpoint/weight_format.h"

namespace w8a16 {
namespace {

namespace fs = std::filesystem;

// Weights that would go stale beside the quantized ones, and what only training reads.
constexpr std::array<std::string_view, 26> kSkippedEndings = {".safetensors",
                                                              ".safetensors.index.json",
                                                              ".bin",
                                                              ".bin.index.json",
                                                              ".pt",
                                                              ".pth",
                                                              ".ckpt",
                                                              ".gguf",
                                                              ".ggml",
                                                              ".h5",
                                                              ".h5.index.json",
                                                              ".msgpack",
                                                              ".msgpack.index.json",
                                                              ".onnx",
                                                              ".onnx_data",
                                                              ".ot",
                                                              ".npz",
                                                              ".tflite",
                                                              ".pb",
                                                              ".mlmodel",
                                                              ".mlpackage",
                                                              ".nemo",
                                                              ".engine",
                                                              ".pkl",
                                                              ".partial",
                                                              "trainer_state.json"};

bool IsSkipped(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::any_of(kSkippedEndings.begin(), kSkippedEndings.end(),
                     [&name](std::string_view ending) { return name.ends_with(ending); });
}

}  // namespace

OtherFiles ListOtherFiles(const Checkpoint& checkpoint) {
  const std::vector<std::string>& weights = checkpoint.files();
  const WeightFormat& format = WeightFormatOf(weights.front());
  const bool sharded = weights.front() != format.single_file;
  OtherFiles files;
  for (const auto& entry : fs::directory_iterator(checkpoint.directory())) {
    const std::string name = entry.path().filename().string();
    const bool converted = name == "config.json" || std::find(weights.begin(), weights.end(), name) != weights.end() ||
                           (sharded && name == format.index_file);
    if (converted || name.starts_with('.')) continue;
    if (entry.is_directory()) {
      files.skipped.push_back(name + "/");
    } else if (!entry.is_regular_file() || IsSkipped(name)) {
      files.skipped.push_back(name);
    } else {
      files.copied.push_back(entry.path());
    }
  }
  std::sort(files.copied.begin(), files.copied.end());
  std::sort(files.skipped.begin(), files.skipped.end());
  return files;
}

}  // namespace w8a16
