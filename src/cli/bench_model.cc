#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "base/parallel.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/json_out.h"
#include "cli/machine.h"
#include "cli/memory.h"
#include "cli/model_args.h"
#include "cli/speed.h"
#include "cli/table.h"

namespace w8a16 {
namespace {

struct BenchModelArgs {
  ModelArgs model;
  int64_t prompt_tokens = 0;  // 0: not given
  int64_t new_tokens = 64;
};

void RunBenchModel(const BenchModelArgs& args) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  Model model = LoadModel(args.model);
  const double load_seconds = std::chrono::duration<double>(Clock::now() - start).count();
  const int64_t prompt_tokens = args.prompt_tokens > 0 ? args.prompt_tokens : std::min<int64_t>(512, model.context());
  // A short prompt: what someone who asks a question waits for.
  const double first_token_seconds =
      load_seconds + FirstTokenSeconds(model, std::min<int64_t>({8, prompt_tokens, model.context()}));
  const ModelSpeed speed = MeasureSpeed(model, prompt_tokens, args.new_tokens);
  const uint64_t peak_resident = PeakResidentBytes();
  const MachineLimits limits = MeasureMachine();
  const double weight_rate = speed.decode_tokens_per_second * static_cast<double>(model.weight_bytes());
  if (args.model.json) {
    PrintJson({{"threads", MaxThreads()},
               {"prefill_tokens_per_second", speed.prefill_tokens_per_second},
               {"decode_tokens_per_second", speed.decode_tokens_per_second},
               {"load_seconds", load_seconds},
               {"first_token_seconds", first_token_seconds},
               {"peak_resident_bytes", peak_resident},
               {"prompt_tokens", prompt_tokens},
               {"new_tokens", args.new_tokens},
               {"decode_start", speed.decode_start},
               {"weight_bytes", model.weight_bytes()},
               {"read_bytes_per_second", limits.read_bytes_per_second},
               {"peak_flops_per_second", limits.flops_per_second}});
    return;
  }
  Table table({"model", ">"});
  table.AddRow({"threads", std::to_string(MaxThreads())});
  table.AddRow({"load", FormatSeconds(load_seconds)});
  table.AddRow({"load and first token of a short prompt", FormatSeconds(first_token_seconds)});
  table.AddRow({fmt::format("prefill of {} tokens", prompt_tokens),
                FormatNumber(speed.prefill_tokens_per_second) + " tokens/s"});
  table.AddRow({fmt::format("decode of {} tokens after {}", args.new_tokens, speed.decode_start),
                FormatNumber(speed.decode_tokens_per_second) + " tokens/s"});
  table.AddRow({"weights", FormatBytes(model.weight_bytes())});
  table.AddRow({"weights x decoded tokens", FormatRate(weight_rate, "B/s")});
  table.AddRow({"this machine reads", FormatRate(limits.read_bytes_per_second, "B/s")});
  table.AddRow({"this machine computes, two digits", FormatRate(limits.flops_per_second, "FLOP/s")});
  table.AddRow({"peak resident memory", FormatBytes(peak_resident)});
  PrintText(table.Render());
}

}  // namespace

void AddBenchModel(CLI::App& bench) {
  const auto args = std::make_shared<BenchModelArgs>();
  CLI::App* command = bench.add_subcommand("model", "Loading, prefill and decode of a model");
  AddModelOptions(*command, args->model);
  const CLI::Validator counts = CLI::Range(int64_t{1}, int64_t{1} << 31).description("");
  command
      ->add_option("--prompt-tokens", args->prompt_tokens,
                   "Tokens of the prompt (default: 512, or the context where that is less)")
      ->check(counts)
      ->type_name("N");
  command->add_option("--new-tokens", args->new_tokens, "Tokens to decode (default: 64)")
      ->check(counts)
      ->type_name("N");
  command->callback([args] { RunBenchModel(*args); });
}

}  // namespace w8a16
