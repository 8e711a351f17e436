#include "text/unigram.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/strings.h"
#include "text/utf8.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

constexpr int32_t kNone = -1;

}  // namespace

UnigramModel::Definition UnigramModel::Read(const JsonNode& node) {
  Definition model;
  const JsonNode vocab = node.At("vocab");
  if (!vocab.json().is_array()) vocab.Fail("must be an array of [\"TEXT\", SCORE]");
  if (vocab.json().size() > static_cast<size_t>(kMaxTokenId)) vocab.Fail("has too many tokens");
  int32_t id = 0;
  for (const Json& item : vocab.json()) {
    if (!item.is_array() || item.size() != 2 || !item[0].is_string() || !item[1].is_number() ||
        !std::isfinite(item[1].get<double>())) {
      vocab.Fail(StrCat("token ", id, ", ", item.dump(-1, ' ', true), ", must be [\"TEXT\", SCORE]"));
    }
    model.vocabulary.Add(vocab, item[0].get<std::string>(), id++);
    model.scores.push_back(item[1].get<double>());
  }
  if (model.scores.empty()) vocab.Fail("is empty");
  const JsonNode unk = node.At("unk_id");
  model.options.unk = static_cast<int32_t>(unk.Integer(0, kMaxTokenId));
  if (model.options.unk >= id) unk.Fail(StrCat("is ", model.options.unk, ", but the vocabulary has ", id, " tokens"));
  model.options.unk_score = *std::min_element(model.scores.begin(), model.scores.end()) - kUnkPenalty;
  model.options.byte_fallback = node.BoolOr("byte_fallback", false);
  std::vector<ByteTrie::Entry> pieces;
  pieces.reserve(model.scores.size());
  for (int32_t i = 0; i < id; ++i) pieces.emplace_back(*model.vocabulary.Text(i), i);
  model.pieces = ByteTrie(std::move(pieces));
  return model;
}

UnigramModel::UnigramModel(const JsonNode& node) : UnigramModel(Read(node)) {}

UnigramModel::UnigramModel(Definition definition)
    : UnigramModel(std::move(definition.vocabulary), std::move(definition.scores), std::move(definition.pieces),
                   definition.options) {}

UnigramModel::UnigramModel(Vocabulary vocabulary, std::vector<double> scores, ByteTrie pieces, Options options)
    : vocabulary_(std::move(vocabulary)), scores_(std::move(scores)), pieces_(std::move(pieces)), options_(options) {
  byte_ids_.fill(kNone);
  if (options_.byte_fallback) byte_ids_ = vocabulary_.ByteTokens();
}

class UnigramModel::UnigramSession : public TokenModel::Session {
 public:
  explicit UnigramSession(const UnigramModel& model) : model_(model) {}

  void Encode(std::string_view piece, std::vector<int32_t>& ids) override {
    if (piece.size() >= INT32_MAX) throw Error("text of more than 2 GiB cannot be encoded in one piece; divide it");
    FindBest(piece);
    cuts_.clear();
    for (auto end = static_cast<int32_t>(piece.size()); end > 0; end = ending_[end].start) cuts_.push_back(end);
    bool after_unk = false;
    for (auto cut = cuts_.rbegin(); cut != cuts_.rend(); ++cut) {
      const Best& best = ending_[*cut];
      const bool unk = best.id == model_.options_.unk;
      if (!unk || !AppendBytes(piece.substr(best.start, *cut - best.start), ids)) {
        if (!(unk && after_unk)) ids.push_back(best.id);
        after_unk = unk;
      } else {
        after_unk = false;
      }
    }
  }

 private:
  // The best way to cut the text that ends at some place: its score and last piece.
  struct Best {
    double score;
    int32_t start;  // of the last piece
    int32_t id;     // kNone: no way found yet
  };

  double Rounded(double sum) const { return model_.options_.float_sums ? static_cast<float>(sum) : sum; }

  // Viterbi's algorithm: what comes after a place does not depend on how the text before it was cut. What is compared
  // is rounded exactly where SentencePiece rounds it, for ways that are equally good in theory are common ("aa" "a" and
  // "a" "aa").
  void FindBest(std::string_view text) {
    ending_.assign(text.size() + 1, {0, 0, kNone});
    for (size_t start = 0; start < text.size();) {
      const double before = ending_[start].score;
      const size_t length = CharacterAt(text, start).length;
      bool has_character = false;
      uint32_t node = ByteTrie::kRoot;
      for (size_t i = start; i < text.size(); ++i) {
        node = model_.pieces_.Child(node, text[i]);
        if (node == ByteTrie::kNoNode) break;
        const int32_t id = model_.pieces_.Value(node);
        if (id == ByteTrie::kNoValue) continue;
        Offer(i + 1, model_.scores_[id] + before, start, id);
        has_character |= i + 1 == start + length;
      }
      if (!has_character) {
        Offer(start + length, Rounded(model_.options_.unk_score + before), start, model_.options_.unk);
      }
      start += length;
    }
  }

  void Offer(size_t end, double score, size_t start, int32_t id) {
    Best& best = ending_[end];
    if (best.id == kNone || score > best.score) best = {Rounded(score), static_cast<int32_t>(start), id};
  }

  // False where the vocabulary does not spell these bytes.
  bool AppendBytes(std::string_view bytes, std::vector<int32_t>& ids) const {
    const auto id = [this](char byte) { return model_.byte_ids_[static_cast<unsigned char>(byte)]; };
    if (!std::all_of(bytes.begin(), bytes.end(), [&](char byte) { return id(byte) != kNone; })) return false;
    for (const char byte : bytes) ids.push_back(id(byte));
    return true;
  }

  const UnigramModel& model_;
  std::vector<Best> ending_;  // by place
  std::vector<int32_t> cuts_;
};

std::unique_ptr<TokenModel::Session> UnigramModel::Start() const { return std::make_unique<UnigramSession>(*this); }

}  // namespace w8a16
