#include "cli/model_args.h"

#include <charconv>
#include <filesystem>
#include <limits>

#include "base/parallel.h"
#include "base/strings.h"
#include "cli/model_directory.h"
#include "w8a16/error.h"

namespace w8a16 {

void AddThreadsOption(CLI::App& app, int& threads) {
  app.add_option("--threads", threads, "Threads to compute with (default: all physical cores)")
      ->check(CLI::Range(1, 4096).description(""))
      ->type_name("N");
}

void AddJsonOption(CLI::App& app, bool& json) {
  app.add_flag("--json", json, "Print one JSON document on standard output");
}

void AddModelOptions(CLI::App& app, ModelArgs& args) {
  app.add_option(
         "MODEL", args.model,
         "Directory of a Hugging Face checkpoint, float or quantized, or the id of one on the Hub: org/name[@revision]")
      ->required()
      ->type_name("");
  app.add_option("--dtype", args.dtype,
                 "Type of the linear layers' inputs and outputs and of the key/value cache (default: the checkpoint's)")
      ->check(CLI::IsMember({"f32", "bf16", "f16"}))
      ->type_name("NAME");
  app.add_option("--weights", args.weights,
                 "auto: what the checkpoint has; w8a16: quantize a float checkpoint while it loads; original: refuse a "
                 "quantized one (default: auto)")
      ->check(CLI::IsMember({"auto", "w8a16", "original"}))
      ->type_name("NAME");
  app.add_option("--context", args.context, "Most tokens of one sequence (default: the model's own)")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 31).description(""))
      ->type_name("N");
  AddThreadsOption(app, args.threads);
  AddJsonOption(app, args.json);
}

void ApplyThreads(int threads) { SetMaxThreads(threads > 0 ? threads : PhysicalCores()); }

std::optional<DType> ParseDTypeOption(std::string_view name) {
  if (name == "f32") return DType::kF32;
  if (name == "bf16") return DType::kBF16;
  if (name == "f16") return DType::kF16;
  return std::nullopt;
}

Model LoadModel(const ModelArgs& args) {
  ApplyThreads(args.threads);
  ModelOptions options;
  options.dtype = ParseDTypeOption(args.dtype);
  options.context = args.context;
  if (args.weights == "w8a16") options.weights = WeightPolicy::kW8A16;
  if (args.weights == "original") options.weights = WeightPolicy::kOriginal;
  return Model::Load(ModelDirectory(args.model), options);
}

Tokenizer LoadTokenizer(const std::string& model, std::string_view remedy) {
  const std::string directory = ModelDirectory(model);
  // A directory that is missing altogether is the model loader's to report.
  std::error_code ignored;
  if (std::filesystem::is_directory(directory, ignored) && !Tokenizer::IsIn(directory)) {
    throw Error(StrCat(directory, ": there is no tokenizer (tokenizer.json, tokenizer.model, or vocab.json with ",
                       "merges.txt); ", remedy));
  }
  return Tokenizer::Load(directory);
}

std::vector<int64_t> ParseNumberList(const std::string& text, const std::string& option, int64_t smallest) {
  std::string_view rest = text;
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  std::vector<int64_t> numbers;
  const auto fail = [&](std::string_view item) {
    throw CLI::ValidationError(
        option, StrCat("'", item, "' is not a whole number of ", smallest, " or more; give a list such as 1,2,3"));
  };
  for (bool more = true; more;) {
    const size_t comma = rest.find(',');
    more = comma != std::string_view::npos;
    std::string_view item = rest.substr(0, comma);
    rest = more ? rest.substr(comma + 1) : std::string_view();
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    int64_t value = 0;
    const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), value);
    if (error != std::errc() || end != item.data() + item.size() || value < smallest) fail(item);
    numbers.push_back(value);
  }
  return numbers;
}

std::vector<int32_t> ParseIds(const std::string& text, const std::string& option) {
  std::vector<int32_t> ids;
  for (int64_t number : ParseNumberList(text, option, 0)) {
    if (number > std::numeric_limits<int32_t>::max()) {
      throw CLI::ValidationError(option, StrCat(number, " is too large for a token id"));
    }
    ids.push_back(static_cast<int32_t>(number));
  }
  return ids;
}

}  // namespace w8a16
