// The command w8a16-torch: TorchScript files in, TorchScript files with W8A16 linear layers out.
#include <caffe2/serialize/inline_container.h>
#include <torch/script.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "w8a16/torch.h"

namespace {

constexpr const char* kUsage =
    R"(usage: w8a16-torch quantize IN.pt OUT.pt [--ignore NAME]... [--no-default-ignore] [--force]

Replaces the linear layers of a TorchScript model (torch.jit.save) by W8A16 ones.

  --ignore NAME         leave the layer alone: a child's name, a full name, or re:PATTERN (may be repeated)
  --no-default-ignore   quantize lm_head and embed_out too
  --force               overwrite OUT.pt
  --help, --version

Extra files in IN.pt (torch.jit.save's _extra_files) are carried over. OUT.pt loads in Python after `import w8a16`, and
in C++ where libw8a16_torch is linked.
)";

struct UsageError {
  std::string text;
};

struct Arguments {
  std::string in;
  std::string out;
  std::vector<std::string> ignore;
  bool default_ignore = true;
  bool force = false;
};

Arguments Parse(const std::vector<std::string>& args) {
  if (args.empty() || args[0] != "quantize") throw UsageError{"the command is quantize"};
  Arguments parsed;
  std::vector<std::string> files;
  for (size_t i = 1; i < args.size(); ++i) {
    if (args[i] == "--ignore") {
      if (++i == args.size()) throw UsageError{"--ignore needs a name"};
      parsed.ignore.push_back(args[i]);
    } else if (args[i] == "--no-default-ignore") {
      parsed.default_ignore = false;
    } else if (args[i] == "--force") {
      parsed.force = true;
    } else if (args[i].starts_with("-")) {
      throw UsageError{"unknown option " + args[i]};
    } else {
      files.push_back(args[i]);
    }
  }
  if (files.size() != 2) throw UsageError{"IN.pt and OUT.pt are needed"};
  parsed.in = files[0];
  parsed.out = files[1];
  return parsed;
}

// The names of the extra files in a TorchScript file, as torch::jit::load wants them.
torch::jit::ExtraFilesMap ExtraFilesIn(const std::string& path) {
  constexpr std::string_view kFolder = "extra/";
  torch::jit::ExtraFilesMap files;
  caffe2::serialize::PyTorchStreamReader reader(path);
  for (const std::string& record : reader.getAllRecords()) {
    if (record.starts_with(kFolder)) files[record.substr(kFolder.size())];
  }
  return files;
}

void Quantize(const Arguments& args) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (!fs::is_regular_file(args.in)) throw w8a16::Error(args.in + ": no such file");
  if (fs::equivalent(args.in, args.out, ignored)) throw w8a16::Error(args.out + ": output and input are one file");
  if (fs::exists(args.out) && !args.force) throw w8a16::Error(args.out + ": exists; give --force to overwrite it");

  torch::jit::Module module;
  torch::jit::ExtraFilesMap extra_files;
  try {
    extra_files = ExtraFilesIn(args.in);
    module = torch::jit::load(args.in, torch::kCPU, extra_files);
  } catch (const c10::Error& error) {
    throw w8a16::Error(args.in +
                       ": not a TorchScript file that this PyTorch can read (write one with torch.jit.save): " +
                       error.what_without_backtrace());
  }
  std::vector<std::string> names = args.ignore;
  if (args.default_ignore) names.insert(names.end(), {"re:(.*\\.)?lm_head$", "re:(.*\\.)?embed_out$"});
  w8a16::ReplacementSummary summary = w8a16::quantize_script_module(module, names);
  // Only what the user named may be missed.
  std::erase_if(summary.warnings, [](const std::string& warning) {
    return warning.find("lm_head$\"") != std::string::npos || warning.find("embed_out$\"") != std::string::npos;
  });

  const std::string partial = args.out + ".partial";
  try {
    module.save(partial, extra_files);
    fs::rename(partial, args.out);
  } catch (const c10::Error& error) {
    fs::remove(partial, ignored);
    throw w8a16::Error(args.out + ": cannot write: " + error.what_without_backtrace());
  } catch (const std::exception& error) {
    fs::remove(partial, ignored);
    throw w8a16::Error(args.out + ": cannot write: " + error.what());
  }
  std::cout << summary;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (std::any_of(args.begin(), args.end(), [](const std::string& arg) { return arg == "--help" || arg == "-h"; })) {
    std::cout << kUsage;
    return 0;
  }
  if (args.size() == 1 && args[0] == "--version") {
    std::cout << "w8a16-torch " W8A16_VERSION "\n";
    return 0;
  }
  try {
    Quantize(Parse(args));
    return 0;
  } catch (const UsageError& error) {
    std::cerr << "error: " << error.text << "\n\n" << kUsage;
    return 2;
  } catch (const c10::Error& error) {
    std::cerr << "error: " << error.what_without_backtrace() << "\n";
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
  }
  return 1;
}
