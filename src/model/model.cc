#include "w8a16/model.h"

#include <algorithm>
#include <set>
#include <utility>

#include "arch/config_reader.h"
#include "base/strings.h"
#include "model/decoder.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

// transformers ends a text at any id of either file.
std::vector<int32_t> EndOfTextIds(const Checkpoint& checkpoint, const Architecture& architecture) {
  std::set<int32_t> ids(architecture.eos_ids.begin(), architecture.eos_ids.end());
  const std::filesystem::path path = checkpoint.directory() / "generation_config.json";
  if (std::filesystem::exists(path)) {
    const Json json = ParseJson(ReadTextFile(path), path.string());
    const ConfigReader config(json, path.string());
    for (int64_t id : config.Ints("eos_token_id", 0, INT32_MAX)) ids.insert(static_cast<int32_t>(id));
  }
  return {ids.begin(), ids.end()};
}

int64_t ChooseContext(const Checkpoint& checkpoint, const Architecture& architecture, int64_t wanted) {
  if (wanted == 0) return architecture.max_positions;
  if (wanted < 0 || wanted > architecture.max_positions) {
    throw Error(StrCat((checkpoint.directory() / "config.json").string(), ": a context of ", wanted,
                       " tokens was asked for; this model has 1 to ", architecture.max_positions));
  }
  return wanted;
}

}  // namespace

Model Model::Load(const std::filesystem::path& directory, const ModelOptions& options) {
  const Checkpoint checkpoint = Checkpoint::Open(directory);
  Architecture architecture = DescribeArchitecture(checkpoint);
  ModelWeights weights = LoadWeights(checkpoint, architecture, options.weights);
  const DType dtype = options.dtype.value_or(architecture.dtype.value_or(weights.embedding.dtype));
  if (!IsComputeFloat(dtype)) {
    throw Error(StrCat("activations cannot be ", DTypeName(dtype), "; supported: F32, BF16, F16"));
  }
  const int64_t context = ChooseContext(checkpoint, architecture, options.context);
  std::vector<int32_t> eos_ids = EndOfTextIds(checkpoint, architecture);
  return Model(std::make_unique<Impl>(
      Impl{Decoder(std::move(architecture), std::move(weights), dtype), dtype, context, std::move(eos_ids)}));
}

Model::Model(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Model::~Model() = default;
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;

int64_t Model::vocab_size() const { return impl_->decoder.architecture().vocab_size; }
int64_t Model::context() const { return impl_->context; }
DType Model::dtype() const { return impl_->dtype; }
bool Model::quantized() const { return impl_->decoder.weights().quantized; }
size_t Model::weight_bytes() const { return impl_->decoder.weights().bytes; }
const std::vector<int32_t>& Model::eos_ids() const { return impl_->eos_ids; }
int32_t Model::bos_id() const { return impl_->decoder.architecture().bos_id; }

std::span<const float> Model::Forward(std::span<const SequenceInput> inputs, LogitsFor logits) {
  for (const SequenceInput& input : inputs) {
    if (input.cache == nullptr || input.ids.empty()) throw Error("Forward: every sequence needs a cache and a token");
    const int64_t length = input.cache->length() + static_cast<int64_t>(input.ids.size());
    if (length > context()) {
      throw Error(StrCat("a text of ", length, " tokens does not fit the context of ", context(),
                         " tokens; shorten the prompt, or raise the context if it was lowered"));
    }
    for (int32_t id : input.ids) {
      if (id < 0 || id >= vocab_size()) {
        throw Error(StrCat("token id ", id, " is outside the model's vocabulary of ", vocab_size()));
      }
    }
  }
  return impl_->decoder.Forward(inputs, logits);
}

}  // namespace w8a16
