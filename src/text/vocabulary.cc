#include "text/vocabulary.h"

#include "base/strings.h"

namespace w8a16 {

void Vocabulary::Add(const JsonNode& node, std::string text, int32_t id) {
  if (const std::string* other = Text(id)) {
    node.Fail(StrCat("the tokens \"", *other, "\" and \"", text, "\" have the same id ", id));
  }
  const auto [entry, added] = id_of_text_.emplace(std::move(text), id);
  if (!added) node.Fail(StrCat("the token \"", entry->first, "\" has the ids ", entry->second, " and ", id));
  if (id >= size()) text_of_id_.resize(static_cast<size_t>(id) + 1);
  text_of_id_[id] = &entry->first;
}

int32_t Vocabulary::Find(std::string_view text) const {
  const auto found = id_of_text_.find(text);
  return found == id_of_text_.end() ? -1 : found->second;
}

const std::string* Vocabulary::Text(int32_t id) const { return id < 0 || id >= size() ? nullptr : text_of_id_[id]; }

}  // namespace w8a16
