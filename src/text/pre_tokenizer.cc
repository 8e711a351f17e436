#include "text/pre_tokenizer.h"

#include <algorithm>

#include "text/byte_alphabet.h"
#include "text/component.h"
#include "text/pattern.h"
#include "text/prepend_scheme.h"
#include "text/utf8.h"

namespace w8a16 {
namespace {

/// What happens to the matches of a pattern and to the text between them.
enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

SplitBehavior ParseBehavior(const JsonNode& node) {
  // In the order of SplitBehavior.
  static const std::vector<std::string> kNames = {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext",
                                                  "Contiguous"};
  return static_cast<SplitBehavior>(node.OneOf(kNames));
}

// Matches and what lies between them: together the whole of one piece.
struct Span {
  size_t begin;
  size_t end;
  bool match;
};

// As the same-named behaviors of Hugging Face's tokenizers: of two matches side by side only the first merges with its
// neighbour.
void Merge(SplitBehavior behavior, std::vector<Span>& spans) {
  std::vector<Span> merged;
  bool previous_match = false;
  const auto extend = [&](const Span& span) {
    merged.back().begin = std::min(merged.back().begin, span.begin);
    merged.back().end = std::max(merged.back().end, span.end);
  };
  const auto take = [&](const Span& span) {
    const bool joins =
        behavior == SplitBehavior::kContiguous ? span.match == previous_match : span.match && !previous_match;
    if (joins && !merged.empty()) {
      extend(span);
    } else {
      merged.push_back(span);
    }
    previous_match = span.match;
  };
  if (behavior == SplitBehavior::kMergedWithNext) {
    for (auto span = spans.rbegin(); span != spans.rend(); ++span) take(*span);
    spans.assign(merged.rbegin(), merged.rend());
  } else {
    for (const Span& span : spans) take(span);
    spans.swap(merged);
  }
}

// Cuts every piece at the matches that find(text, matches) gives.
template <class Find>
void Split(Pieces& pieces, SplitBehavior behavior, bool invert, Find find) {
  std::vector<Pieces::Piece> list;
  std::vector<Regex::Match> matches;
  std::vector<Span> spans;
  for (size_t i = 0; i < pieces.list.size(); ++i) {
    const std::string_view text = pieces[i];
    matches.clear();
    spans.clear();
    find(text, matches);
    size_t end = 0;
    for (const auto& match : matches) {
      if (match.begin > end) spans.push_back({end, match.begin, invert});
      spans.push_back({match.begin, match.end, !invert});
      end = match.end;
    }
    if (end < text.size()) spans.push_back({end, text.size(), invert});
    if (behavior != SplitBehavior::kRemoved && behavior != SplitBehavior::kIsolated) Merge(behavior, spans);
    const Pieces::Piece& piece = pieces.list[i];
    for (const Span& span : spans) {
      if (span.begin == span.end || (behavior == SplitBehavior::kRemoved && span.match)) continue;
      list.push_back({piece.begin + span.begin, piece.begin + span.end, piece.starts_text && span.begin == 0});
    }
  }
  pieces.list.swap(list);
}

// Every character for which `is` holds is one match.
template <class Is>
auto EachCharacter(Is is) {
  return [is](std::string_view text, std::vector<Regex::Match>& matches) {
    for (size_t i = 0; i < text.size();) {
      const Utf8Unit unit = CharacterAt(text, i);
      if (is(unit.code_point)) matches.push_back({i, i + unit.length});
      i += unit.length;
    }
  };
}

// Rewrites every piece: rewrite(text, starts_text, out) appends the new text to `out`.
template <class RewritePiece>
void Rewrite(Pieces& pieces, RewritePiece rewrite) {
  std::string out;
  out.reserve(pieces.text.size() * 5 / 4);
  for (size_t i = 0; i < pieces.list.size(); ++i) {
    const size_t begin = out.size();
    rewrite(pieces[i], pieces.list[i].starts_text, out);
    pieces.list[i].begin = begin;
    pieces.list[i].end = out.size();
  }
  pieces.text.swap(out);
}

class PreTokenizerSequence : public PreTokenizer {
 public:
  explicit PreTokenizerSequence(const JsonNode& node) {
    for (const JsonNode& item : node.At("pretokenizers").Elements()) items_.push_back(ParsePreTokenizer(item));
  }
  void Apply(Pieces& pieces) const override {
    for (const auto& item : items_) item->Apply(pieces);
  }

 private:
  std::vector<std::unique_ptr<PreTokenizer>> items_;
};

class ByteLevel : public PreTokenizer {
 public:
  explicit ByteLevel(const JsonNode& node)
      : add_prefix_space_(node.At("add_prefix_space").Bool()), use_regex_(node.BoolOr("use_regex", true)) {}

  void Apply(Pieces& pieces) const override {
    if (add_prefix_space_) {
      Rewrite(pieces, [](std::string_view text, bool, std::string& out) {
        if (text.front() != ' ') out += ' ';
        out += text;
      });
    }
    if (use_regex_) {
      // GPT-2's pattern (github.com/openai/gpt-2, src/encoder.py).
      static const Pattern kPattern{
          Regex(R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)")};
      Split(pieces, SplitBehavior::kIsolated, false, [](auto text, auto& matches) { kPattern.FindAll(text, matches); });
    }
    Rewrite(pieces, [](std::string_view text, bool, std::string& out) { BytesToAlphabet(text, out); });
  }

 private:
  bool add_prefix_space_;
  bool use_regex_;
};

class SplitByPattern : public PreTokenizer {
 public:
  explicit SplitByPattern(const JsonNode& node)
      : pattern_(Pattern::Parse(node.At("pattern"))),
        behavior_(ParseBehavior(node.At("behavior"))),
        invert_(node.BoolOr("invert", false)) {}
  void Apply(Pieces& pieces) const override {
    Split(pieces, behavior_, invert_, [this](auto text, auto& matches) { pattern_.FindAll(text, matches); });
  }

 private:
  Pattern pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

class Digits : public PreTokenizer {
 public:
  explicit Digits(const JsonNode& node) : individual_(node.BoolOr("individual_digits", false)) {}
  void Apply(Pieces& pieces) const override {
    Split(pieces, individual_ ? SplitBehavior::kIsolated : SplitBehavior::kContiguous, false, EachCharacter(IsNumeric));
  }

 private:
  bool individual_;
};

class Punctuation : public PreTokenizer {
 public:
  explicit Punctuation(const JsonNode& node) {
    if (const auto behavior = node.Find("behavior")) behavior_ = ParseBehavior(*behavior);
  }
  void Apply(Pieces& pieces) const override { Split(pieces, behavior_, false, EachCharacter(IsPunctuation)); }

 private:
  SplitBehavior behavior_ = SplitBehavior::kIsolated;
};

class WhitespaceSplit : public PreTokenizer {
 public:
  void Apply(Pieces& pieces) const override {
    Split(pieces, SplitBehavior::kRemoved, false, EachCharacter(IsWhitespace));
  }
};

class CharDelimiterSplit : public PreTokenizer {
 public:
  explicit CharDelimiterSplit(const JsonNode& node) : delimiter_(node.At("delimiter").Character()) {}
  void Apply(Pieces& pieces) const override {
    Split(pieces, SplitBehavior::kRemoved, false,
          [this](auto text, auto& matches) { delimiter_.FindAll(text, matches); });
  }

 private:
  Pattern delimiter_;
};

/// Words without whitespace, and each punctuation character by itself.
class BertPreTokenizer : public PreTokenizer {
 public:
  void Apply(Pieces& pieces) const override {
    Split(pieces, SplitBehavior::kRemoved, false, EachCharacter(IsWhitespace));
    Split(pieces, SplitBehavior::kIsolated, false, EachCharacter(IsPunctuation));
  }
};

/// Runs of word characters and runs of other characters, without whitespace.
class Whitespace : public PreTokenizer {
 public:
  void Apply(Pieces& pieces) const override {
    Split(pieces, SplitBehavior::kRemoved, false, EachCharacter(IsWhitespace));
    Split(pieces, SplitBehavior::kContiguous, false, EachCharacter(IsWordCharacter));
  }
};

class Metaspace : public PreTokenizer {
 public:
  explicit Metaspace(const JsonNode& node)
      : replacement_(node.At("replacement").Character()),
        scheme_(ParsePrependScheme(node)),
        split_(node.BoolOr("split", true)) {}

  void Apply(Pieces& pieces) const override {
    Rewrite(pieces, [this](std::string_view text, bool starts_text, std::string& out) {
      const bool starts_with_space = text.front() == ' ' || text.substr(0, replacement_.size()) == replacement_;
      const bool prepends = scheme_ == PrependScheme::kAlways || (scheme_ == PrependScheme::kFirst && starts_text);
      if (prepends && !starts_with_space) out += replacement_;
      for (const char c : text) {
        if (c == ' ') {
          out += replacement_;
        } else {
          out += c;
        }
      }
    });
    if (!split_) return;
    const Pattern pattern{replacement_};
    Split(pieces, SplitBehavior::kMergedWithNext, false,
          [&](auto text, auto& matches) { pattern.FindAll(text, matches); });
  }

 private:
  std::string replacement_;
  PrependScheme scheme_;
  bool split_;
};

}  // namespace

Pieces::Pieces(std::string whole, bool starts_text) : text(std::move(whole)) {
  if (!text.empty()) list.push_back({0, text.size(), starts_text});
}

std::unique_ptr<PreTokenizer> ParsePreTokenizer(const JsonNode& node) {
  static constexpr ComponentType<PreTokenizer> kTypes[] = {
      {"Sequence", Make<PreTokenizer, PreTokenizerSequence>},
      {"ByteLevel", Make<PreTokenizer, ByteLevel>},
      {"Split", Make<PreTokenizer, SplitByPattern>},
      {"Digits", Make<PreTokenizer, Digits>},
      {"Metaspace", Make<PreTokenizer, Metaspace>},
      {"Whitespace", MakePlain<PreTokenizer, Whitespace>},
      {"WhitespaceSplit", MakePlain<PreTokenizer, WhitespaceSplit>},
      {"Punctuation", Make<PreTokenizer, Punctuation>},
      {"BertPreTokenizer", MakePlain<PreTokenizer, BertPreTokenizer>},
      {"CharDelimiterSplit", Make<PreTokenizer, CharDelimiterSplit>},
  };
  return MakeComponent<PreTokenizer>(node, kTypes);
}

}  // namespace w8a16
