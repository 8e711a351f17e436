#include "text/sentencepiece.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "text/bpe.h"
#include "text/chars_map.h"
#include "text/unigram.h"
#include "text/utf8.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

using PieceType = SentencePieceFile::PieceType;

constexpr std::string_view kEscapedSpace = "\xE2\x96\x81";

// The ids of all pieces of these types, by text.
ByteTrie PiecesOfTypes(const SentencePieceFile& file, std::initializer_list<PieceType> types) {
  std::vector<ByteTrie::Entry> entries;
  for (size_t id = 0; id < file.pieces.size(); ++id) {
    const auto& piece = file.pieces[id];
    if (std::find(types.begin(), types.end(), piece.type) != types.end()) {
      entries.emplace_back(piece.text, static_cast<int32_t>(id));
    }
  }
  return ByteTrie(std::move(entries));
}

/// As Normalizer::Normalize of the library.
class SentencePieceNormalizer : public Normalizer {
 public:
  SentencePieceNormalizer(const SentencePieceFile& file, bool dummy_prefix)
      : map_(file.precompiled_charsmap),
        untouched_(PiecesOfTypes(file, {PieceType::kUserDefined})),
        space_(file.escape_whitespaces ? kEscapedSpace : " "),
        prefix_(dummy_prefix && !file.treat_whitespace_as_suffix),
        suffix_(dummy_prefix && file.treat_whitespace_as_suffix),
        remove_extra_spaces_(file.remove_extra_whitespaces) {}

  std::string Apply(std::string text) const override {
    std::string_view rest = text;
    if (remove_extra_spaces_) {
      for (Unit unit; !rest.empty() && (unit = FirstUnit(rest)).text == " ";) rest.remove_prefix(unit.length);
    }
    std::string out;
    if (rest.empty()) return out;
    out.reserve(rest.size() + rest.size() / 2);
    if (prefix_) out += space_;
    bool after_space = remove_extra_spaces_;
    while (!rest.empty()) {
      Unit unit = FirstUnit(rest);
      rest.remove_prefix(unit.length);
      while (after_space && unit.text.starts_with(' ')) unit.text.remove_prefix(1);
      if (unit.text.empty()) continue;
      for (const char c : unit.text) {
        if (c == ' ') {
          out += space_;
        } else {
          out += c;
        }
      }
      after_space = remove_extra_spaces_ && unit.text.ends_with(' ');
    }
    while (remove_extra_spaces_ && out.ends_with(space_)) out.resize(out.size() - space_.size());
    if (suffix_) out += space_;
    return out;
  }

 private:
  // What the first `length` bytes of a text become.
  struct Unit {
    std::string_view text;
    size_t length = 0;
  };
  Unit FirstUnit(std::string_view text) const {
    const auto untouched = untouched_.Longest(text, 0);
    if (untouched.value != ByteTrie::kNoValue) return {text.substr(0, untouched.end), untouched.end};
    const CharsMap::Rule rule = map_.Find(text, 0);
    if (rule.length > 0) return {rule.replacement, rule.length};
    const size_t length = CharacterAt(text, 0).length;
    return {text.substr(0, length), length};
  }

  CharsMap map_;
  ByteTrie untouched_;
  std::string_view space_;
  bool prefix_;
  bool suffix_;
  bool remove_extra_spaces_;
};

Vocabulary MakeVocabulary(const SentencePieceFile& file) {
  Vocabulary vocabulary;
  for (size_t id = 0; id < file.pieces.size(); ++id) vocabulary.Add(file.pieces[id].text, static_cast<int32_t>(id));
  return vocabulary;
}

std::unique_ptr<TokenModel> MakeUnigram(const SentencePieceFile& file) {
  float min = std::numeric_limits<float>::infinity();
  float max = -min;
  for (const auto& piece : file.pieces) {
    if (piece.type != PieceType::kNormal) continue;
    min = std::min(min, piece.score);
    max = std::max(max, piece.score);
  }
  if (min > max) throw Error("has no normal pieces");
  UnigramModel::Options options;
  options.unk = file.unk_id();
  options.unk_score = min - static_cast<float>(UnigramModel::kUnkPenalty);
  options.byte_fallback = file.byte_fallback;
  options.float_sums = true;
  std::vector<double> scores;
  for (const auto& piece : file.pieces) {
    // As good as the best pieces of one byte each, so that text is hardly ever cut inside.
    scores.push_back(piece.type == PieceType::kUserDefined ? static_cast<float>(piece.text.size()) * max - 0.1
                                                           : piece.score);
  }
  return std::make_unique<UnigramModel>(MakeVocabulary(file), std::move(scores),
                                        PiecesOfTypes(file, {PieceType::kNormal, PieceType::kUserDefined}), options);
}

// Two neighbours merge where they make a piece, and those that make the piece with the best score merge first: all ways
// to make one piece have one rank.
std::vector<MergeTable::Merge> MakeMerges(const SentencePieceFile& file, const Vocabulary& vocabulary) {
  std::vector<float> scores;
  for (const auto& piece : file.pieces) scores.push_back(piece.score);
  std::sort(scores.begin(), scores.end(), std::greater<>());
  scores.erase(std::unique(scores.begin(), scores.end()), scores.end());
  std::vector<MergeTable::Merge> merges;
  for (size_t id = 0; id < file.pieces.size(); ++id) {
    const auto& piece = file.pieces[id];
    if (piece.type != PieceType::kNormal && piece.type != PieceType::kUserDefined) continue;
    const std::string_view text = piece.text;
    const auto rank = std::lower_bound(scores.begin(), scores.end(), piece.score, std::greater<>()) - scores.begin();
    for (size_t cut = CharacterAt(text, 0).length; cut < text.size(); cut += CharacterAt(text, cut).length) {
      const int32_t left = vocabulary.Find(text.substr(0, cut));
      const int32_t right = vocabulary.Find(text.substr(cut));
      if (left >= 0 && right >= 0) {
        merges.push_back({left, right, static_cast<int32_t>(rank), static_cast<int32_t>(id)});
      }
    }
  }
  std::stable_sort(merges.begin(), merges.end(), [](const auto& a, const auto& b) { return a.rank < b.rank; });
  return merges;
}

std::unique_ptr<TokenModel> MakeBpe(const SentencePieceFile& file) {
  for (const auto& piece : file.pieces) {
    if (piece.type == PieceType::kUnused) {
      throw Error(StrCat("the piece \"", piece.text, "\" of a BPE model is marked as unused, which is not supported"));
    }
  }
  BpeModel::Options options;
  options.unk = file.unk_id();
  options.fuse_unk = true;
  options.byte_fallback = file.byte_fallback;
  options.whole = PiecesOfTypes(file, {PieceType::kUserDefined});
  Vocabulary vocabulary = MakeVocabulary(file);
  const auto merges = MakeMerges(file, vocabulary);
  return std::make_unique<BpeModel>(std::move(vocabulary), merges, std::move(options));
}

// Puts the name of the file before messages.
template <class Make>
auto WithSource(std::string_view source, Make make) {
  try {
    return make();
  } catch (const Error& error) {
    throw Error(StrCat(source, ": ", error.what()));
  }
}

}  // namespace

std::unique_ptr<Normalizer> MakeSentencePieceNormalizer(const SentencePieceFile& file, bool dummy_prefix,
                                                        std::string_view source) {
  return WithSource(source, [&] { return std::make_unique<SentencePieceNormalizer>(file, dummy_prefix); });
}

std::unique_ptr<TokenModel> MakeSentencePieceModel(const SentencePieceFile& file, std::string_view source) {
  return WithSource(source, [&] {
    switch (file.model_type) {
      case SentencePieceFile::ModelType::kUnigram:
        return MakeUnigram(file);
      case SentencePieceFile::ModelType::kBpe:
        return MakeBpe(file);
      default:
        throw Error("model_type is WORD or CHAR, which is not supported; supported: UNIGRAM, BPE");
    }
  });
}

}  // namespace w8a16
