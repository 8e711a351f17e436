#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace w8a16::jinja {

struct Token {
  enum class Kind : uint8_t {
    kData,           ///< text outside tags
    kVariableBegin,  ///< {{
    kVariableEnd,
    kBlockBegin,  ///< {%
    kBlockEnd,
    kName,
    kString,  ///< without quotes, escapes resolved
    kInteger,
    kFloat,
    kOperator,
    kEnd,
  };
  Kind kind;
  std::string text;
  int line;
};

/// Cuts a template into tokens as Jinja 3 does with trim_blocks and lstrip_blocks set and keep_trailing_newline unset,
/// which is how transformers renders chat templates: newlines become "\n", one at the end is dropped, comments are left
/// out, raw blocks are data. The last token is kEnd. Throws Error "SOURCE: line N: ...".
std::vector<Token> Tokenize(std::string_view text, std::string_view source);

}  // namespace w8a16::jinja
