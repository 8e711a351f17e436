#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "base/strings.h"
#include "checkpoint/mapped_file.h"
#include "checkpoint/weight_format.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/json_out.h"
#include "cli/model_args.h"
#include "cli/model_directory.h"
#include "cli/table.h"
#include "convert/verify.h"
#include "w8a16/checkpoint.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

struct InspectArgs {
  std::string path;
  bool verify = false;
  bool json = false;
};

bool IsQuantized(const TensorInfo& tensor) {
  const std::string_view name = tensor.name;
  return name.ends_with(".weight_packed") || name.ends_with(".qweight") ||
         (name.ends_with(".weight") && tensor.dtype == DType::kI8);
}

std::vector<TensorInfo> ListTensors(const std::filesystem::path& path, const Report& report = ThrowProblem) {
  if (std::filesystem::is_directory(path)) return Checkpoint::Open(path).tensors();
  if (!std::filesystem::exists(path)) {
    throw Error(
        StrCat(path.string(), ": there is no such file or directory; give a checkpoint directory or a weight file"));
  }
  return WeightFormatOf(path).read(MappedFile::Open(path)->bytes(), path.string(), report);
}

struct Findings {
  std::vector<std::string> problems;
  std::vector<std::string> notes;
};

Findings Verify(const std::filesystem::path& path) {
  Findings findings;
  if (std::filesystem::is_directory(path)) {
    for (Finding& finding : VerifyCheckpoint(path)) {
      const bool note = finding.severity == Finding::Severity::kNote;
      (note ? findings.notes : findings.problems).push_back(std::move(finding.text));
    }
    return findings;
  }
  try {
    ListTensors(path, [&findings](const std::string& problem) { findings.problems.push_back(problem); });
  } catch (const Error& e) {
    findings.problems.emplace_back(e.what());
  }
  return findings;
}

void PrintTensors(const std::vector<TensorInfo>& tensors) {
  Table table({"tensor", "dtype", "shape", ">bytes", "quantized"});
  uint64_t bytes = 0;
  uint64_t quantized_bytes = 0;
  for (const TensorInfo& tensor : tensors) {
    const bool quantized = IsQuantized(tensor);
    bytes += tensor.bytes;
    quantized_bytes += quantized ? tensor.bytes : 0;
    table.AddRow({tensor.name, std::string(DTypeName(tensor.dtype)), ShapeString(tensor.shape),
                  std::to_string(tensor.bytes), quantized ? "8-bit" : ""});
  }
  PrintText(table.Render());
  PrintText(fmt::format("\n{} tensors, {}; {} of it in 8-bit weights\n", tensors.size(), FormatBytes(bytes),
                        FormatBytes(quantized_bytes)));
}

Json TensorsJson(const std::vector<TensorInfo>& tensors) {
  Json list = Json::array();
  for (const TensorInfo& tensor : tensors) {
    list.push_back({{"name", tensor.name},
                    {"dtype", DTypeName(tensor.dtype)},
                    {"shape", tensor.shape},
                    {"bytes", tensor.bytes},
                    {"quantized", IsQuantized(tensor)},
                    {"file", tensor.file}});
  }
  return list;
}

void RunInspect(const InspectArgs& args) {
  Findings findings;
  const std::string path = ModelDirectory(args.path);
  if (args.verify) findings = Verify(path);
  std::vector<TensorInfo> tensors;
  try {
    tensors = ListTensors(path);
  } catch (const Error&) {
    if (findings.problems.empty()) throw;  // else it is among them
  }
  if (args.json) {
    PrintJson({{"tensors", TensorsJson(tensors)}, {"problems", findings.problems}, {"notes", findings.notes}});
  } else {
    if (!tensors.empty()) PrintTensors(tensors);
    for (const std::string& note : findings.notes) PrintText(StrCat("note: ", note, "\n"));
    for (const std::string& problem : findings.problems) PrintText(StrCat("problem: ", problem, "\n"));
    if (args.verify && findings.problems.empty()) PrintText("No problems found.\n");
  }
  if (const size_t count = findings.problems.size(); count > 0) {
    throw Error(StrCat(args.path, ": ", count, count == 1 ? " problem" : " problems", " found"));
  }
}

}  // namespace

void AddInspect(CLI::App& app) {
  const auto args = std::make_shared<InspectArgs>();
  CLI::App* command = app.add_subcommand("inspect", "The tensors of a checkpoint, what is quantized, what is wrong");
  command
      ->add_option("PATH", args->path, "Directory of a checkpoint, its id on the Hub, or one .safetensors or .bin file")
      ->required()
      ->type_name("");
  command->add_flag("--verify", args->verify, "Read everything and list all problems; exit code 1 if there are any");
  AddJsonOption(*command, args->json);
  command->callback([args] { RunInspect(*args); });
}

}  // namespace w8a16
