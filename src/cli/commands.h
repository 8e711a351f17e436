#pragma once

#include <CLI/CLI.hpp>

namespace w8a16 {

// Each adds one subcommand whose callback does the work, prints to standard output and throws Error where it fails, or
// CLI::ValidationError for wrong usage.
void AddDemo(CLI::App& app);
void AddQuantize(CLI::App& app);
void AddDequantize(CLI::App& app);
void AddGenerate(CLI::App& app);
void AddChat(CLI::App& app);
void AddLogits(CLI::App& app);
void AddEval(CLI::App& app);
void AddInspect(CLI::App& app);
/// `bench linear` and `bench model`.
void AddBenchLinear(CLI::App& bench);
void AddBenchModel(CLI::App& bench);

}  // namespace w8a16
