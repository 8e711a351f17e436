#include "text/normalizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "text/byte_alphabet.h"
#include "text/chars_map.h"
#include "text/component.h"
#include "text/pattern.h"
#include "text/utf8.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

template <class F>
void ForEachCharacter(std::string_view text, F f) {
  for (size_t i = 0; i < text.size();) {
    const Utf8Unit unit = CharacterAt(text, i);
    f(unit.code_point);
    i += unit.length;
  }
}

// The text that append(character, out) makes of each character.
template <class AppendCharacter>
std::string MapCharacters(std::string_view text, AppendCharacter append) {
  std::string out;
  out.reserve(text.size());
  ForEachCharacter(text, [&](char32_t c) { append(c, out); });
  return out;
}

class NormalizerSequence : public Normalizer {
 public:
  explicit NormalizerSequence(const JsonNode& node) {
    for (const JsonNode& item : node.At("normalizers").Elements()) items_.push_back(ParseNormalizer(item));
  }
  std::string Apply(std::string text) const override {
    for (const auto& item : items_) text = item->Apply(std::move(text));
    return text;
  }

 private:
  std::vector<std::unique_ptr<Normalizer>> items_;
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(const JsonNode& node) : prefix_(node.At("prepend").String()) {}
  std::string Apply(std::string text) const override {
    if (!text.empty()) text.insert(0, prefix_);
    return text;
  }

 private:
  std::string prefix_;
};

class Replace : public Normalizer {
 public:
  explicit Replace(const JsonNode& node)
      : pattern_(Pattern::Parse(node.At("pattern"))), content_(node.At("content").String()) {}
  std::string Apply(std::string text) const override { return pattern_.Replace(text, content_); }

 private:
  Pattern pattern_;
  std::string content_;
};

/// NFC, NFD, NFKC and NFKD (Unicode Standard Annex 15). utf8proc_map would do, but orders marks by repeated swaps,
/// which takes quadratic time on hostile text; here they are sorted.
class UnicodeForm : public Normalizer {
 public:
  UnicodeForm(bool compatibility, bool compose)
      : decompose_(static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | (compatibility ? UTF8PROC_COMPAT : 0))),
        compose_(compose) {}

  std::string Apply(std::string text) const override {
    if (IsAscii(text)) return text;
    std::vector<utf8proc_int32_t> points;
    points.reserve(text.size());
    ForEachCharacter(text, [&](char32_t c) {
      utf8proc_int32_t parts[32];  // the longest decomposition has 18
      int boundary = 0;
      const auto count =
          utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts, std::ssize(parts), decompose_, &boundary);
      if (count < 0 || count > std::ssize(parts)) throw Error("utf8proc cannot decompose a character");
      points.insert(points.end(), parts, parts + count);
    });
    SortMarks(points);
    auto size = static_cast<utf8proc_ssize_t>(points.size());
    if (compose_) {
      size = utf8proc_normalize_utf32(points.data(), size,
                                      static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
      if (size < 0) throw Error(utf8proc_errmsg(size));
    }
    text.clear();
    for (utf8proc_ssize_t i = 0; i < size; ++i) AppendUtf8(static_cast<char32_t>(points[i]), text);
    return text;
  }

 private:
  // The canonical ordering: each run of marks by combining class, equal ones as they stood.
  static void SortMarks(std::vector<utf8proc_int32_t>& points) {
    const auto combining_class = [](utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; };
    for (auto begin = points.begin(); begin != points.end();) {
      const auto end = std::find_if(begin, points.end(), [&](auto c) { return combining_class(c) == 0; });
      std::stable_sort(begin, end, [&](auto a, auto b) { return combining_class(a) < combining_class(b); });
      begin = end == points.end() ? end : end + 1;
    }
  }

  utf8proc_option_t decompose_;
  bool compose_;
};

class Lowercase : public Normalizer {
 public:
  std::string Apply(std::string text) const override {
    return MapCharacters(text, [](char32_t c, std::string& out) {
      // The one character whose lowercase is two: utf8proc has simple mappings only.
      if (c == 0x130) {
        out += "i\xCC\x87";
      } else {
        AppendUtf8(static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))), out);
      }
    });
  }
};

class StripAccents : public Normalizer {
 public:
  std::string Apply(std::string text) const override {
    return MapCharacters(text, [](char32_t c, std::string& out) {
      if (!IsMark(c)) AppendUtf8(c, out);
    });
  }
};

class Strip : public Normalizer {
 public:
  explicit Strip(const JsonNode& node) : left_(node.At("strip_left").Bool()), right_(node.At("strip_right").Bool()) {}
  std::string Apply(std::string text) const override {
    size_t begin = 0;
    size_t end = text.size();
    while (left_ && begin < end) {
      const Utf8Unit unit = CharacterAt(text, begin);
      if (!IsWhitespace(unit.code_point)) break;
      begin += unit.length;
    }
    while (right_ && end > begin) {
      const size_t last = PreviousCharacter(text, end);
      if (!IsWhitespace(CharacterAt(text, last).code_point)) break;
      end = last;
    }
    return text.substr(begin, end - begin);
  }

 private:
  bool left_;
  bool right_;
};

/// SentencePiece's rewriting rules: of those that apply at a place the longest, as SentencePiece itself has it.
/// (Hugging Face's releases take the shortest, for all of what a reader sees as one character, and lose some marks.)
class Precompiled : public Normalizer {
 public:
  explicit Precompiled(const JsonNode& node) {
    const JsonNode map = node.At("precompiled_charsmap");
    try {
      map_ = CharsMap::FromBase64(map.String());
    } catch (const Error& error) {
      map.Fail(error.what());
    }
  }
  std::string Apply(std::string text) const override {
    std::string out;
    out.reserve(text.size());
    const std::string_view view = text;
    for (size_t i = 0; i < view.size();) {
      const CharsMap::Rule rule = map_.Find(view, i);
      const size_t length = rule.length > 0 ? rule.length : CharacterAt(view, i).length;
      out += rule.length > 0 ? rule.replacement : view.substr(i, length);
      i += length;
    }
    return out;
  }

 private:
  CharsMap map_;
};

/// The cleaning of SentencePiece's rules "nmt_*": control characters go, unusual spaces become plain ones.
class Nmt : public Normalizer {
 public:
  std::string Apply(std::string text) const override {
    return MapCharacters(text, [](char32_t c, std::string& out) {
      const bool removed =
          (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F;
      const bool space = c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 ||
                         (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF ||
                         c == 0xFFFD;
      if (!removed) AppendUtf8(space ? U' ' : c, out);
    });
  }
};

/// The cleaning of BERT's tokenizer (github.com/google-research/bert, tokenization.py), with the ranges of Hugging
/// Face's tokenizers.
class BertNormalizer : public Normalizer {
 public:
  explicit BertNormalizer(const JsonNode& node)
      : clean_(node.BoolOr("clean_text", true)),
        separate_chinese_(node.BoolOr("handle_chinese_chars", true)),
        lowercase_(node.BoolOr("lowercase", true)),
        strip_accents_(node.BoolOr("strip_accents", lowercase_)) {}

  std::string Apply(std::string text) const override {
    if (clean_) text = Clean(text);
    if (separate_chinese_) text = SeparateChinese(text);
    if (strip_accents_) {
      text = MapCharacters(UnicodeForm(false, false).Apply(std::move(text)), [](char32_t c, std::string& out) {
        if (!IsNonspacingMark(c)) AppendUtf8(c, out);
      });
    }
    return lowercase_ ? Lowercase().Apply(std::move(text)) : text;
  }

 private:
  static std::string Clean(const std::string& text) {
    return MapCharacters(text, [](char32_t c, std::string& out) {
      const bool space = IsWhitespace(c);
      const bool kept_control = c == '\t' || c == '\n' || c == '\r';
      if (c == 0 || c == 0xFFFD || (IsControl(c) && !kept_control)) return;
      AppendUtf8(space ? U' ' : c, out);
    });
  }

  static std::string SeparateChinese(const std::string& text) {
    return MapCharacters(text, [](char32_t c, std::string& out) {
      const bool chinese = (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
                           (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
                           (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
                           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
      if (chinese) out += ' ';
      AppendUtf8(c, out);
      if (chinese) out += ' ';
    });
  }

  bool clean_;
  bool separate_chinese_;
  bool lowercase_;
  bool strip_accents_;
};

/// The bytes of the text as the printable characters that stand for them.
class ByteLevel : public Normalizer {
 public:
  std::string Apply(std::string text) const override {
    std::string out;
    BytesToAlphabet(text, out);
    return out;
  }
};

template <bool kCompatibility, bool kCompose>
std::unique_ptr<Normalizer> MakeForm(const JsonNode&) {
  return std::make_unique<UnicodeForm>(kCompatibility, kCompose);
}

}  // namespace

std::unique_ptr<Normalizer> ParseNormalizer(const JsonNode& node) {
  static constexpr ComponentType<Normalizer> kTypes[] = {
      {"Sequence", Make<Normalizer, NormalizerSequence>},
      {"Prepend", Make<Normalizer, Prepend>},
      {"Replace", Make<Normalizer, Replace>},
      {"NFC", MakeForm<false, true>},
      {"NFD", MakeForm<false, false>},
      {"NFKC", MakeForm<true, true>},
      {"NFKD", MakeForm<true, false>},
      {"Lowercase", MakePlain<Normalizer, Lowercase>},
      {"Strip", Make<Normalizer, Strip>},
      {"StripAccents", MakePlain<Normalizer, StripAccents>},
      {"Precompiled", Make<Normalizer, Precompiled>},
      {"Nmt", MakePlain<Normalizer, Nmt>},
      {"BertNormalizer", Make<Normalizer, BertNormalizer>},
      {"ByteLevel", MakePlain<Normalizer, ByteLevel>},
  };
  return MakeComponent<Normalizer>(node, kTypes);
}

}  // namespace w8a16
