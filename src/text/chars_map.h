#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace w8a16 {

/// SentencePiece's table of rewriting rules, `precompiled_charsmap` in a tokenizer.model and a tokenizer.json: a length
/// in bytes, a double array of that length whose values are offsets (the format of github.com/s-yata/darts-clone), and
/// the replacements at those offsets, each ended by a zero byte.
class CharsMap {
 public:
  /// Without rules.
  CharsMap() = default;
  /// From the bytes; none at all are no rules. Throws Error where they are malformed.
  explicit CharsMap(std::string_view bytes);
  /// From the bytes in base 64, as a tokenizer.json has them.
  static CharsMap FromBase64(std::string_view text);

  struct Rule {
    size_t length;  ///< in bytes of the text; 0: no rule applies here
    std::string_view replacement;
  };
  /// The rule for the longest text that stands at `position` of well-formed `text`.
  Rule Find(std::string_view text, size_t position) const;

 private:
  std::vector<uint32_t> units_;
  std::string replacements_;
};

}  // namespace w8a16
