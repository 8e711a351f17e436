#include "text/word_piece.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/strings.h"

namespace w8a16 {

WordPieceModel::WordPieceModel(const JsonNode& node) : vocabulary_(Vocabulary::Parse(node.At("vocab"))) {
  const JsonNode unk = node.At("unk_token");
  unk_ = vocabulary_.Find(unk.String());
  if (unk_ < 0) unk.Fail(StrCat("the token \"", unk.String(), "\" is not in the vocabulary"));
  if (const auto max = node.Find("max_input_chars_per_word")) {
    max_characters_ = static_cast<size_t>(max->Integer(0, INT64_MAX));
  }
  std::string prefix = "##";
  if (const auto given = node.Find("continuing_subword_prefix")) prefix = given->String();
  std::vector<ByteTrie::Entry> first;
  std::vector<ByteTrie::Entry> later;
  for (int32_t id = 0; id < vocabulary_.size(); ++id) {
    const std::string* found = vocabulary_.Text(id);
    if (found == nullptr) continue;
    const std::string_view text = *found;
    first.emplace_back(text, id);
    if (text.starts_with(prefix)) later.emplace_back(text.substr(prefix.size()), id);
  }
  first_ = ByteTrie(std::move(first));
  later_ = ByteTrie(std::move(later));
}

class WordPieceModel::WordPieceSession : public TokenModel::Session {
 public:
  explicit WordPieceSession(const WordPieceModel& model) : model_(model) {}

  void Encode(std::string_view piece, std::vector<int32_t>& ids) override {
    const auto continues = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; };
    const auto bytes_inside = static_cast<size_t>(std::count_if(piece.begin(), piece.end(), continues));
    const size_t before = ids.size();
    bool known = piece.size() - bytes_inside <= model_.max_characters_;
    for (size_t start = 0; known && start < piece.size();) {
      const auto match = (start == 0 ? model_.first_ : model_.later_).Longest(piece, start);
      known = match.value != ByteTrie::kNoValue;
      ids.push_back(match.value);
      start = match.end;
    }
    if (known) return;
    ids.resize(before);
    ids.push_back(model_.unk_);
  }

 private:
  const WordPieceModel& model_;
};

std::unique_ptr<TokenModel::Session> WordPieceModel::Start() const { return std::make_unique<WordPieceSession>(*this); }

}  // namespace w8a16
