#include "text/normalizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>
#include <vector>

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
    std::string out;
    out.reserve(text.size());
    ForEachCharacter(text, [&](char32_t c) {
      // The one character whose lowercase is two: utf8proc has simple mappings only.
      if (c == 0x130) {
        out += "i\xCC\x87";
      } else {
        AppendUtf8(static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))), out);
      }
    });
    return out;
  }
};

class StripAccents : public Normalizer {
 public:
  std::string Apply(std::string text) const override {
    std::string out;
    out.reserve(text.size());
    ForEachCharacter(text, [&](char32_t c) {
      if (!IsMark(c)) AppendUtf8(c, out);
    });
    return out;
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
  };
  return MakeComponent<Normalizer>(node, kTypes);
}

}  // namespace w8a16
