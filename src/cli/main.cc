#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <new>
#include <string>

#include "base/isa.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json_out.h"

namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

// The subcommand that was being parsed, with the names before it: what --help to recommend.
std::string ParsedCommand(const CLI::App& app) {
  const CLI::App* current = &app;
  std::string name = app.get_name();
  while (!current->get_subcommands().empty()) {
    current = current->get_subcommands().front();
    name += " " + current->get_name();
  }
  return name;
}

int Fail(const std::string& message) {
  std::fflush(stdout);
  std::fprintf(stderr, "error: %s\n", message.c_str());
  return kFailed;
}

void AddCommands(CLI::App& app) {
  app.set_version_flag("--version", "w8a16 " W8A16_VERSION);
  app.require_subcommand(1);
  app.footer("The environment variable W8A16_ISA forces an instruction set (ref, sse4, avx2, ...).");
  w8a16::AddDemo(app);
  w8a16::AddQuantize(app);
  w8a16::AddDequantize(app);
  w8a16::AddGenerate(app);
  w8a16::AddChat(app);
  w8a16::AddLogits(app);
  w8a16::AddEval(app);
  w8a16::AddInspect(app);
  CLI::App* bench = app.add_subcommand("bench", "Measure speed, beside the machine's own limits");
  bench->require_subcommand(1);
  w8a16::AddBenchLinear(*bench);
  w8a16::AddBenchModel(*bench);
}

int Run(int argc, char** argv) {
  CLI::App app("8-bit weights, 16-bit activations for the linear layers of language models", "w8a16");
  try {
    AddCommands(app);
    app.parse(argc, argv);
    w8a16::FlushOutput();
    return 0;
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help and --version
    std::fprintf(stderr, "error: %s\nRun '%s --help' for usage.\n", e.what(), ParsedCommand(app).c_str());
    return kWrongUsage;
  } catch (const w8a16::Interrupted& e) {
    Fail(e.what());
    // What called this command learns that it was stopped, not that it failed.
    std::signal(e.signal(), SIG_DFL);
    std::raise(e.signal());
    return kFailed;
  } catch (const std::bad_alloc&) {
    return Fail("out of memory");
  } catch (const std::exception& e) {
    return Fail(e.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Run(argc, argv);
  } catch (...) {  // even printing a message failed
    std::fputs("error: out of memory\n", stderr);
    return kFailed;
  }
}
