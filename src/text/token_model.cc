#include "text/token_model.h"

#include "text/bpe.h"
#include "text/component.h"

namespace w8a16 {

std::unique_ptr<TokenModel> ParseTokenModel(const JsonNode& node) {
  static constexpr ComponentType<TokenModel> kTypes[] = {{"BPE", Make<TokenModel, BpeModel>}};
  // Files from before 2021 do not name the type; among models only BPE has merges.
  if (!node.Find("type") && node.Find("merges")) return std::make_unique<BpeModel>(node);
  return MakeComponent<TokenModel>(node, kTypes);
}

}  // namespace w8a16
