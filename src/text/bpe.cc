#include "text/bpe.h"

#include <algorithm>
#include <unordered_map>

#include "base/strings.h"
#include "text/utf8.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

constexpr int32_t kNone = -1;

// The first or the last symbol of every token, by id: `ends` has the symbols themselves, and each merge hands one on.
// False where a token has two answers or the order of the merges is too odd to find out soon.
bool PropagateEnds(const std::vector<MergeTable::Merge>& merges, int32_t MergeTable::Merge::*side,
                   std::vector<int32_t>& ends) {
  // Vocabularies list merges before those that build on them, so that one pass finds all and a second one nothing.
  constexpr int kMaxPasses = 100;
  for (int pass = 0; pass < kMaxPasses; ++pass) {
    bool changed = false;
    for (const auto& merge : merges) {
      const int32_t end = ends[merge.*side];
      int32_t& result = ends[merge.result];
      if (end == kNone || result == end) continue;
      if (result != kNone) return false;
      result = end;
      changed = true;
    }
    if (!changed) return true;
  }
  return false;
}

std::vector<MergeTable::Merge> ReadMerges(const JsonNode& node, const Vocabulary& vocabulary, std::string_view prefix) {
  if (!node.json().is_array()) node.Fail("must be an array");
  std::vector<MergeTable::Merge> merges;
  merges.reserve(node.json().size());
  size_t index = 0;
  for (const Json& item : node.json()) {
    const auto fail = [&](std::string_view message) {
      node.Fail(StrCat("merge ", index, ", ", item.dump(-1, ' ', true), ", ", message));
    };
    std::string left;
    std::string right;
    if (item.is_string()) {
      const auto& text = item.get_ref<const std::string&>();
      if (text.starts_with("#version")) continue;
      const size_t space = text.find(' ');
      if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) {
        fail("must be two tokens with one space between them");
      }
      left = text.substr(0, space);
      right = text.substr(space + 1);
    } else if (item.is_array() && item.size() == 2 && item[0].is_string() && item[1].is_string()) {
      left = item[0].get_ref<const std::string&>();
      right = item[1].get_ref<const std::string&>();
    } else {
      fail("must be \"LEFT RIGHT\" or [\"LEFT\", \"RIGHT\"]");
    }
    const auto find = [&](std::string_view token) {
      const int32_t id = vocabulary.Find(token);
      if (id == kNone) fail(StrCat("refers to the token \"", token, "\", which is not in the vocabulary"));
      return id;
    };
    const int32_t left_id = find(left);
    const int32_t right_id = find(right);
    if (!right.starts_with(prefix)) fail(StrCat("has a second token without the prefix \"", prefix, "\""));
    const int32_t result = find(left + right.substr(prefix.size()));
    merges.push_back({left_id, right_id, static_cast<int32_t>(index++), result});
  }
  return merges;
}

}  // namespace

BpeModel::Definition BpeModel::Read(const JsonNode& node) {
  Options options;
  options.fuse_unk = node.BoolOr("fuse_unk", false);
  options.byte_fallback = node.BoolOr("byte_fallback", false);
  options.ignore_merges = node.BoolOr("ignore_merges", false);
  if (const auto prefix = node.Find("continuing_subword_prefix")) options.prefix = prefix->String();
  if (const auto suffix = node.Find("end_of_word_suffix")) options.suffix = suffix->String();
  if (const auto dropout = node.Find("dropout"); dropout && dropout->json() != 0) {
    dropout->Fail("makes encoding random and is for training; set it to null");
  }
  Definition model = Read(node.At("vocab"), node.At("merges"), std::move(options));
  if (const auto unk = node.Find("unk_token")) {
    model.options.unk = model.vocabulary.Find(unk->String());
    if (model.options.unk == kNone) unk->Fail(StrCat("the token \"", unk->String(), "\" is not in the vocabulary"));
  }
  return model;
}

BpeModel::Definition BpeModel::Read(const JsonNode& vocab, const JsonNode& merges, Options options) {
  Definition model{Vocabulary::Parse(vocab), {}, std::move(options)};
  model.merges = ReadMerges(merges, model.vocabulary, model.options.prefix);
  return model;
}

BpeModel::BpeModel(const JsonNode& node) : BpeModel(Read(node)) {}

BpeModel::BpeModel(const JsonNode& vocab, const JsonNode& merges) : BpeModel(Read(vocab, merges, {})) {}

BpeModel::BpeModel(Definition definition)
    : BpeModel(std::move(definition.vocabulary), definition.merges, std::move(definition.options)) {}

BpeModel::BpeModel(Vocabulary vocabulary, const std::vector<MergeTable::Merge>& merges, Options options)
    : vocabulary_(std::move(vocabulary)), merges_(merges), options_(std::move(options)) {
  byte_ids_.fill(kNone);
  if (options_.byte_fallback) byte_ids_ = vocabulary_.ByteTokens();
  short_ids_.fill(kNone);
  for (char32_t c = 0; c < short_ids_.size(); ++c) {
    std::string character;
    AppendUtf8(c, character);
    short_ids_[c] = vocabulary_.Find(character);
  }
  FindJoints(merges);
}

// Text is cut where no merge can join its two sides, which changes no result: merges on one side never see the other.
// SentencePiece vocabularies, which have no pre-tokenizer, are cut into words that way (hardly a token goes on after a
// word), and words repeat.
void BpeModel::FindJoints(const std::vector<MergeTable::Merge>& merges) {
  // The same character is another symbol at the start or the end of a word then.
  if (!options_.prefix.empty() || !options_.suffix.empty()) return;
  std::vector<int32_t> firsts(vocabulary_.size(), kNone);
  const auto add_symbol = [&firsts](int32_t id) {
    if (id != kNone) firsts[id] = id;
  };
  add_symbol(options_.unk);
  for (const int32_t id : byte_ids_) add_symbol(id);
  for (int32_t id = 0; id < vocabulary_.size(); ++id) {
    const std::string* text = vocabulary_.Text(id);
    if (text != nullptr && !text->empty() && CharacterAt(*text, 0).length == text->size()) add_symbol(id);
  }
  std::vector<int32_t> lasts = firsts;
  if (!PropagateEnds(merges, &MergeTable::Merge::left, firsts)) return;
  if (!PropagateEnds(merges, &MergeTable::Merge::right, lasts)) return;
  std::vector<MergeTable::Merge> joints;
  for (const auto& merge : merges) {
    const int32_t left = lasts[merge.left];
    const int32_t right = firsts[merge.right];
    if (left != kNone && right != kNone) joints.push_back({left, right, 0, 0});
  }
  joints_ = MergeTable(joints);
  joints_known_ = true;
}

int32_t BpeModel::CharacterId(std::string_view character, char32_t code_point) const {
  return code_point < short_ids_.size() ? short_ids_[code_point] : vocabulary_.Find(character);
}

void BpeModel::AppendSymbols(std::string_view piece, std::vector<int32_t>& symbols) const {
  bool after_unk = false;
  std::string affixed;
  for (size_t i = 0; i < piece.size();) {
    const Utf8Unit unit = CharacterAt(piece, i);
    std::string_view character = piece.substr(i, unit.length);
    const bool first = i == 0;
    i += unit.length;
    const bool last = i == piece.size();
    int32_t id;
    if ((!first && !options_.prefix.empty()) || (last && !options_.suffix.empty())) {
      affixed = StrCat(first ? "" : options_.prefix, character, last ? options_.suffix : "");
      character = affixed;
      id = vocabulary_.Find(character);
    } else {
      id = CharacterId(character, unit.code_point);
    }
    const auto byte_id = [this](char c) { return byte_ids_[static_cast<unsigned char>(c)]; };
    if (id != kNone) {
      symbols.push_back(id);
      after_unk = false;
    } else if (options_.byte_fallback &&
               std::all_of(character.begin(), character.end(), [&](char c) { return byte_id(c) != kNone; })) {
      for (const char c : character) symbols.push_back(byte_id(c));
      after_unk = false;
    } else if (options_.unk != kNone) {
      if (!(options_.fuse_unk && after_unk)) symbols.push_back(options_.unk);
      after_unk = true;
    }
  }
}

class BpeModel::BpeSession : public TokenModel::Session {
 public:
  explicit BpeSession(const BpeModel& model) : model_(model) {}

  void Encode(std::string_view piece, std::vector<int32_t>& ids) override {
    if (model_.options_.ignore_merges) {
      const int32_t whole = model_.vocabulary_.Find(piece);
      if (whole != kNone) {
        ids.push_back(whole);
        return;
      }
    }
    if (piece.size() > INT32_MAX) throw Error("text of more than 2 GiB cannot be encoded in one piece; divide it");
    const ByteTrie& whole = model_.options_.whole;
    while (!piece.empty()) {
      size_t cut = whole.empty() ? piece.size() : 0;
      ByteTrie::Match match{ByteTrie::kNoValue, cut};
      while (cut < piece.size() && (match = whole.Longest(piece, cut)).value == ByteTrie::kNoValue) ++cut;
      EncodeText(piece.substr(0, cut), ids);
      if (match.value != ByteTrie::kNoValue) ids.push_back(match.value);
      piece.remove_prefix(std::max(cut, match.end));
    }
  }

 private:
  struct Node {
    int32_t id;  // kNone: merged into another
    int32_t previous;
    int32_t next;
  };
  struct Candidate {
    int32_t rank;
    int32_t position;
    int32_t result;
    // Heaps have the largest on top: the lowest rank, the leftmost of equals.
    bool operator<(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : position > other.position;
    }
  };

  // Words that are long or come when the cache is full are merged each time.
  static constexpr size_t kLongestCachedWord = 64;
  static constexpr size_t kMaxCachedWords = 1 << 16;

  void EncodeText(std::string_view text, std::vector<int32_t>& ids) {
    symbols_.clear();
    model_.AppendSymbols(text, symbols_);
    for (size_t begin = 0; begin < symbols_.size();) {
      size_t end = begin + 1;
      while (end < symbols_.size() && model_.MayJoin(symbols_[end - 1], symbols_[end])) ++end;
      EncodeWord(std::span(symbols_).subspan(begin, end - begin), ids);
      begin = end;
    }
  }

  void EncodeWord(std::span<const int32_t> symbols, std::vector<int32_t>& ids) {
    if (symbols.size() == 1) {
      ids.push_back(symbols[0]);
      return;
    }
    const bool cached = symbols.size() <= kLongestCachedWord;
    const std::string_view key(reinterpret_cast<const char*>(symbols.data()), symbols.size_bytes());
    if (cached) {
      const auto found = cache_.find(key);
      if (found != cache_.end()) {
        ids.insert(ids.end(), found->second.begin(), found->second.end());
        return;
      }
    }
    const size_t before = ids.size();
    MergeWord(symbols, ids);
    if (cached && cache_.size() < kMaxCachedWords) {
      cache_.emplace(key, std::vector<int32_t>(ids.begin() + static_cast<ptrdiff_t>(before), ids.end()));
    }
  }

  void Push(int32_t position) {
    const Node& node = nodes_[position];
    if (node.next == kNone) return;
    if (const auto* merge = model_.merges_.Find(node.id, nodes_[node.next].id)) {
      heap_.push_back({merge->rank, position, merge->result});
    }
  }

  void MergeWord(std::span<const int32_t> symbols, std::vector<int32_t>& ids) {
    const auto count = static_cast<int32_t>(symbols.size());
    nodes_.clear();
    heap_.clear();
    for (int32_t i = 0; i < count; ++i) nodes_.push_back({symbols[i], i - 1, i + 1 < count ? i + 1 : kNone});
    for (int32_t i = 0; i < count; ++i) Push(i);
    std::make_heap(heap_.begin(), heap_.end());
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end());
      const Candidate top = heap_.back();
      heap_.pop_back();
      Node& left = nodes_[top.position];
      if (left.id == kNone || left.next == kNone) continue;
      Node& right = nodes_[left.next];
      // Neighbours have merged since this was pushed, unless the pair still gives the same.
      const auto* merge = model_.merges_.Find(left.id, right.id);
      if (merge == nullptr || merge->result != top.result) continue;
      left.id = top.result;
      left.next = right.next;
      right.id = kNone;
      if (left.next != kNone) nodes_[left.next].previous = top.position;
      if (left.previous != kNone) PushOntoHeap(left.previous);
      PushOntoHeap(top.position);
    }
    for (int32_t i = 0; i != kNone; i = nodes_[i].next) ids.push_back(nodes_[i].id);
  }

  void PushOntoHeap(int32_t position) {
    const size_t before = heap_.size();
    Push(position);
    if (heap_.size() != before) std::push_heap(heap_.begin(), heap_.end());
  }

  const BpeModel& model_;
  std::vector<int32_t> symbols_;
  std::vector<Node> nodes_;
  std::vector<Candidate> heap_;
  std::unordered_map<std::string, std::vector<int32_t>, StringHash, std::equal_to<>> cache_;
};

std::unique_ptr<TokenModel::Session> BpeModel::Start() const { return std::make_unique<BpeSession>(*this); }

}  // namespace w8a16
