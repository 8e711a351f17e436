#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <optional>

#include "cli/commands.h"
#include "cli/json_out.h"
#include "cli/model_args.h"
#include "cli/table.h"

namespace w8a16 {
namespace {

struct LogitsArgs {
  ModelArgs model;
  std::string prompt_ids;
};

// The five likeliest next tokens for each position.
void PrintLikeliest(std::span<const float> logits, int64_t vocab, const std::vector<int32_t>& prompt) {
  Table table({">position", ">id", "likeliest next ids (logit)"});
  std::vector<int32_t> order(static_cast<size_t>(vocab));
  const auto shown = std::min<std::ptrdiff_t>(5, static_cast<std::ptrdiff_t>(vocab));
  for (size_t t = 0; t < prompt.size(); ++t) {
    const std::span<const float> row = logits.subspan(t * order.size(), order.size());
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), order.begin() + shown, order.end(),
                      [&](int32_t a, int32_t b) { return row[static_cast<size_t>(a)] > row[static_cast<size_t>(b)]; });
    std::string cell;
    for (std::ptrdiff_t i = 0; i < shown; ++i) {
      const int32_t id = order[static_cast<size_t>(i)];
      cell += fmt::format("{}{} ({:.4f})", i > 0 ? ", " : "", id, row[static_cast<size_t>(id)]);
    }
    table.AddRow({std::to_string(t), std::to_string(prompt[t]), cell});
  }
  PrintText(table.Render());
}

void RunLogits(const LogitsArgs& args) {
  const std::vector<int32_t> prompt = ParseIds(args.prompt_ids, "--prompt-ids");
  Model model = LoadModel(args.model);
  KvCache cache(model);
  const std::array<SequenceInput, 1> input = {{{prompt, &cache}}};
  const std::span<const float> logits = model.Forward(input, LogitsFor::kAllTokens);
  if (args.model.json) {
    PrintText(LogitsJson(logits, model.vocab_size()) + '\n');
  } else {
    PrintLikeliest(logits, model.vocab_size(), prompt);
  }
}

}  // namespace

void AddLogits(CLI::App& app) {
  const auto args = std::make_shared<LogitsArgs>();
  CLI::App* command = app.add_subcommand("logits", "The logits after each token of a prompt");
  AddModelOptions(*command, args->model);
  command->add_option("--prompt-ids", args->prompt_ids, "Token ids, such as 1,2,3")->required()->type_name("IDS");
  command->callback([args] { RunLogits(*args); });
}

}  // namespace w8a16
