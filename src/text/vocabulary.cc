#include "text/vocabulary.h"

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {

Vocabulary Vocabulary::Parse(const JsonNode& node) {
  Vocabulary vocabulary;
  for (const auto& [text, id] : node.Object().items()) {
    const bool in_range = id.is_number_integer() && id >= 0 && id <= kMaxTokenId;
    if (!in_range) {
      node.Fail(StrCat("the id of \"", text, "\" must be an integer from 0 to ", kMaxTokenId, ", is ",
                       id.dump(-1, ' ', true)));
    }
    vocabulary.Add(node, text, id.get<int32_t>());
  }
  return vocabulary;
}

void Vocabulary::Add(std::string text, int32_t id) {
  if (const std::string* other = Text(id)) {
    throw Error(StrCat("the tokens \"", *other, "\" and \"", text, "\" have the same id ", id));
  }
  const auto [entry, added] = id_of_text_.emplace(std::move(text), id);
  if (!added) throw Error(StrCat("the token \"", entry->first, "\" has the ids ", entry->second, " and ", id));
  if (id >= size()) text_of_id_.resize(static_cast<size_t>(id) + 1);
  text_of_id_[id] = &entry->first;
}

void Vocabulary::Add(const JsonNode& node, std::string text, int32_t id) {
  try {
    Add(std::move(text), id);
  } catch (const Error& error) {
    node.Fail(error.what());
  }
}

int32_t Vocabulary::Find(std::string_view text) const {
  const auto found = id_of_text_.find(text);
  return found == id_of_text_.end() ? -1 : found->second;
}

const std::string* Vocabulary::Text(int32_t id) const { return id < 0 || id >= size() ? nullptr : text_of_id_[id]; }

std::array<int32_t, 256> Vocabulary::ByteTokens() const {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::array<int32_t, 256> ids;
  for (size_t byte = 0; byte < ids.size(); ++byte) {
    ids[byte] = Find(StrCat("<0x", kDigits[byte / 16], kDigits[byte % 16], ">"));
  }
  return ids;
}

}  // namespace w8a16
