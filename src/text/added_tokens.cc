#include "text/added_tokens.h"

#include <algorithm>

#include "base/strings.h"
#include "text/utf8.h"

namespace w8a16 {
namespace {

AddedTokens::Token ParseToken(const JsonNode& node) {
  AddedTokens::Token token;
  token.text = node.At("content").String();
  token.id = static_cast<int32_t>(node.At("id").Integer(0, kMaxTokenId));
  token.special = node.BoolOr("special", false);
  token.normalized = node.BoolOr("normalized", !token.special);
  token.single_word = node.BoolOr("single_word", false);
  token.lstrip = node.BoolOr("lstrip", false);
  token.rstrip = node.BoolOr("rstrip", false);
  return token;
}

bool StandsAlone(std::string_view text, size_t begin, size_t end) {
  return (begin == 0 || !IsWordCharacter(CharacterAt(text, PreviousCharacter(text, begin)).code_point)) &&
         (end == text.size() || !IsWordCharacter(CharacterAt(text, end).code_point));
}

}  // namespace

AddedTokens::AddedTokens(const JsonNode& node, const Vocabulary& model, const Normalizer* normalizer) {
  for (const JsonNode& item : node.Elements()) {
    Token token = ParseToken(item);
    if (token.text.empty()) continue;
    const int32_t model_id = model.Find(token.text);
    if (model_id >= 0 && model_id != token.id) {
      item.Fail(
          StrCat("the token \"", token.text, "\" has the id ", token.id, " here and ", model_id, " in model.vocab"));
    }
    const std::string* model_text = model.Text(token.id);
    if (model_text != nullptr && *model_text != token.text) {
      item.Fail(
          StrCat("the id ", token.id, " is of \"", token.text, "\" here and of \"", *model_text, "\" in model.vocab"));
    }
    vocabulary_.Add(item, token.text, token.id);
    if (token.special) specials_.insert(token.id);
    tokens_.push_back(std::move(token));
  }
  // Special tokens first: where two tokens have one normalized form, a special one wins.
  std::stable_partition(tokens_.begin(), tokens_.end(), [](const Token& token) { return token.special; });
  std::vector<std::string> normal_forms(tokens_.size());
  std::vector<ByteTrie::Entry> raw;
  std::vector<ByteTrie::Entry> normalized;
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const Token& token = tokens_[i];
    const auto index = static_cast<int32_t>(i);
    if (!token.normalized) {
      raw.emplace_back(token.text, index);
    } else {
      normal_forms[i] = normalizer ? normalizer->Apply(token.text) : token.text;
      normalized.emplace_back(normal_forms[i], index);
    }
  }
  raw_ = ByteTrie(std::move(raw));
  normalized_ = ByteTrie(std::move(normalized));
}

std::vector<AddedTokens::Part> AddedTokens::Split(std::string_view text, bool normalized) const {
  const ByteTrie& trie = normalized ? normalized_ : raw_;
  std::vector<Part> parts;
  size_t done = 0;
  for (size_t position = 0; position < text.size() && !trie.empty();) {
    const auto match = trie.Longest(text, position);
    if (match.value == ByteTrie::kNoValue) {
      ++position;
      continue;
    }
    const Token& token = tokens_[match.value];
    size_t begin = position;
    size_t end = match.end;
    position = match.end;
    if (token.single_word && !StandsAlone(text, begin, end)) continue;
    while (token.lstrip && begin > done) {
      const size_t previous = PreviousCharacter(text, begin);
      if (!IsWhitespace(CharacterAt(text, previous).code_point)) break;
      begin = previous;
    }
    while (token.rstrip && end < text.size()) {
      const Utf8Unit unit = CharacterAt(text, end);
      if (!IsWhitespace(unit.code_point)) break;
      end += unit.length;
    }
    if (begin > done) parts.push_back({done, begin, -1});
    parts.push_back({begin, end, token.id});
    done = std::max(done, end);
  }
  if (done < text.size()) parts.push_back({done, text.size(), -1});
  return parts;
}

}  // namespace w8a16
