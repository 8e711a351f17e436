#include <fmt/format.h>

#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/documents.h"
#include "cli/json_out.h"
#include "cli/model_args.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "model/evaluate.h"

namespace w8a16 {
namespace {

struct EvalArgs {
  ModelArgs model;
  std::string documents;
  std::string against;
};

Json EvaluationJson(const Evaluation& evaluation) {
  Json json = {
      {"perplexity", evaluation.perplexity}, {"tokens", evaluation.tokens}, {"documents", evaluation.documents}};
  if (evaluation.kl_divergence) json["kl_divergence"] = *evaluation.kl_divergence;
  if (evaluation.top1_agreement) json["top1_agreement"] = *evaluation.top1_agreement;
  return json;
}

void PrintEvaluation(const Evaluation& evaluation) {
  Table table({"evaluation", ">"});
  table.AddRow({"perplexity", fmt::format("{:.6g}", evaluation.perplexity)});
  table.AddRow({"predicted tokens", fmt::format("{}", evaluation.tokens)});
  table.AddRow({"documents", fmt::format("{}", evaluation.documents)});
  if (evaluation.kl_divergence) {
    table.AddRow({"KL divergence, nats per token", fmt::format("{:.4g}", *evaluation.kl_divergence)});
  }
  if (evaluation.top1_agreement) {
    table.AddRow({"top-1 agreement", fmt::format("{:.2f}%", 100 * *evaluation.top1_agreement)});
  }
  PrintText(table.Render());
}

void RunEval(const EvalArgs& args) {
  const std::vector<std::string> documents = ReadDocuments(args.documents);
  const Tokenizer tokenizer =
      LoadTokenizer(args.model.model, "perplexity of texts needs the tokenizer that the model was trained with");
  Model model = LoadModel(args.model);
  std::optional<Model> against;
  if (!args.against.empty()) {
    ModelArgs original = args.model;
    original.model = args.against;
    original.weights = "auto";
    against.emplace(LoadModel(original));
  }
  Evaluation evaluation;
  {
    ProgressBar bar("evaluating");
    evaluation = Evaluate(
        model, EncodeDocuments(tokenizer, documents, model.bos_id()), against ? &*against : nullptr,
        [&](int64_t done, int64_t total) { bar.Update(static_cast<uint64_t>(done), static_cast<uint64_t>(total)); });
  }
  if (args.model.json) {
    PrintJson(EvaluationJson(evaluation));
  } else {
    PrintEvaluation(evaluation);
  }
}

}  // namespace

void AddEval(CLI::App& app) {
  const auto args = std::make_shared<EvalArgs>();
  CLI::App* command = app.add_subcommand("eval", "Perplexity on documents, and how far one model is from another");
  AddModelOptions(*command, args->model);
  command->add_option("--documents", args->documents, "A JSON list of strings, or a text file (one document)")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--against", args->against,
                   "Directory of the model to compare with: prints KL(ORIGINAL || MODEL) and top-1 agreement")
      ->type_name("ORIGINAL");
  command->callback([args] { RunEval(*args); });
}

}  // namespace w8a16
