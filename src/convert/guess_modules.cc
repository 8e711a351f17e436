#include <algorithm>
#include <array>
#include <cctype>
#include <initializer_list>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "base/strings.h"
#include "checkpoint/json.h"
#include "convert/modules.h"

namespace w8a16 {
namespace {

bool IsAny(std::string_view text, std::initializer_list<std::string_view> choices) {
  return std::find(choices.begin(), choices.end(), text) != choices.end();
}

bool IsNumber(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

std::vector<std::string_view> Components(std::string_view name) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('.', begin), name.size());
    parts.push_back(name.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::string_view Parent(std::string_view name) {
  const size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(0, dot);
}

// One of the blocks that a model repeats, or part of one.
bool IsInBlock(const std::vector<std::string_view>& parts) { return std::any_of(parts.begin(), parts.end(), IsNumber); }

class Guesser {
 public:
  explicit Guesser(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {
    const Json config = ParseJson(checkpoint.config_text(), (checkpoint.directory() / "config.json").string());
    const auto vocab = config.find("vocab_size");
    if (vocab != config.end() && vocab->is_number_integer()) vocab_size_ = vocab->get<int64_t>();
    tied_ = config.value("tie_word_embeddings", Json(nullptr)) == true;
    CountExperts();
  }

  ModelModules Run() {
    ModelModules found;
    bool any_transposed = false;
    for (const TensorInfo& tensor : checkpoint_.tensors()) {
      NoteOther(tensor, found);
      if (!IsMatrix(tensor)) continue;
      WeightModule module;
      module.name = Parent(tensor.name);
      module.shape = tensor.shape;
      module.stays_float = Reason(tensor, module);
      any_transposed = any_transposed || LooksTransposed(tensor);
      found.modules.push_back(std::move(module));
    }
    // Where some weights certainly lie [in, out], square ones may do so, too.
    for (WeightModule& module : found.modules) {
      if (any_transposed && module.stays_float.empty() && module.shape[0] == module.shape[1]) {
        module.stays_float = "square, in a model where other weights lie [in, out]";
      }
    }
    return found;
  }

 private:
  static bool IsMatrix(const TensorInfo& tensor) {
    return tensor.name.ends_with(".weight") && tensor.shape.size() == 2 && IsComputeFloat(tensor.dtype);
  }

  // "model.layers.0.mlp" -> 8, where there is "model.layers.0.mlp.experts.7.w1.weight".
  void CountExperts() {
    constexpr std::string_view kExperts = ".experts.";
    for (const TensorInfo& tensor : checkpoint_.tensors()) {
      const std::string_view name = tensor.name;
      const size_t at = name.find(kExperts);
      if (at == std::string_view::npos) continue;
      const std::string_view rest = name.substr(at + kExperts.size());
      const std::string_view number = rest.substr(0, rest.find('.'));
      if (IsNumber(number)) {
        experts_[name.substr(0, at)].insert(number);
      } else if (tensor.shape.size() == 3) {
        fused_experts_[name.substr(0, at)] = tensor.shape[0];
      }
    }
  }

  int64_t ExpertsBeside(std::string_view module) const {
    const std::string_view parent = Parent(module);
    if (const auto found = experts_.find(parent); found != experts_.end()) {
      return static_cast<int64_t>(found->second.size());
    }
    const auto fused = fused_experts_.find(parent);
    return fused == fused_experts_.end() ? 0 : fused->second;
  }

  bool LooksTransposed(const TensorInfo& tensor) const {
    const TensorInfo* bias = checkpoint_.Find(StrCat(Parent(tensor.name), ".bias"));
    return bias != nullptr && bias->shape != std::vector<int64_t>{tensor.shape[0]} &&
           bias->shape == std::vector<int64_t>{tensor.shape[1]};
  }

  // Why the weight stays float whatever the user wants; empty where it is taken for a linear layer's. Marks heads.
  std::string Reason(const TensorInfo& tensor, WeightModule& module) const {
    const std::vector<std::string_view> parts = Components(module.name);
    const std::string_view last = parts.back();
    const auto any_part = [&parts](auto test) { return std::any_of(parts.begin(), parts.end(), test); };
    if (tensor.shape[0] < 1 || tensor.shape[1] < 1) return "empty";
    if (any_part([](std::string_view p) { return p.find("embed") != std::string_view::npos; }) ||
        IsAny(last, {"wte", "wpe", "shared", "relative_attention_bias", "pos_emb", "token_emb"})) {
      return "embedding";
    }
    if (last.find("norm") != std::string_view::npos || last.starts_with("ln_") || IsAny(last, {"ln", "bn"})) {
      return "norm";
    }
    if (any_part([](std::string_view p) { return p.find("router") != std::string_view::npos; }) ||
        IsAny(last, {"gate", "wg", "shared_expert_gate"}) ||
        (ExpertsBeside(module.name) > 1 && ExpertsBeside(module.name) == tensor.shape[0])) {
      return "router of experts";
    }
    if (LooksTransposed(tensor)) {
      return "its bias has as many elements as the matrix has columns: it may lie [in, out]";
    }
    const bool head_by_name = IsAny(last, {"lm_head", "embed_out", "output_layer", "score", "classifier", "qa_outputs",
                                           "v_head", "proj_out"}) ||
                              (IsAny(last, {"head", "output"}) && !IsInBlock(parts));
    module.head = head_by_name || (tensor.shape[0] == vocab_size_ && !IsInBlock(parts));
    if (module.head && tied_) return "output head, tied to the embedding";
    return "";
  }

  void NoteOther(const TensorInfo& tensor, ModelModules& found) const {
    if (tensor.shape.size() != 3 || !IsComputeFloat(tensor.dtype)) return;
    if (tensor.name.find("expert") == std::string::npos) return;
    found.notes.push_back(StrCat("tensor \"", tensor.name, "\" ", ShapeString(tensor.shape),
                                 " holds fused experts, whose output channels are not known: it stays ",
                                 DTypeName(tensor.dtype)));
  }

  const Checkpoint& checkpoint_;
  int64_t vocab_size_ = -1;
  bool tied_ = false;
  std::map<std::string_view, std::set<std::string_view>> experts_;
  std::map<std::string_view, int64_t> fused_experts_;
};

}  // namespace

ModelModules GuessModules(const Checkpoint& checkpoint) { return Guesser(checkpoint).Run(); }

}  // namespace w8a16
