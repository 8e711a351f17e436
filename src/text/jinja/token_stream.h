#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/lexer.h"

namespace w8a16::jinja {

/// Tokens one after another, and how deeply what they say is nested.
class TokenStream {
 public:
  TokenStream(std::string_view text, std::string_view source) : source_(source), tokens_(Tokenize(text, source)) {}

  const Token& Peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  const Token& Next();
  int line() const { return Peek().line; }

  bool Sees(Token::Kind kind) const { return Peek().kind == kind; }
  bool SeesOperator(std::string_view text) const { return Sees(Token::Kind::kOperator) && Peek().text == text; }
  bool SeesName(std::string_view name) const { return Sees(Token::Kind::kName) && Peek().text == name; }
  /// Takes it where it is next.
  bool SkipOperator(std::string_view text);
  bool SkipName(std::string_view name);
  /// Takes it, or throws Error.
  void ExpectOperator(std::string_view text);
  void ExpectName(std::string_view name);
  void Expect(Token::Kind kind);
  std::string TakeName(std::string_view what);

  /// Throws Error "SOURCE: line N: MESSAGE", N that of the next token where it is not given.
  [[noreturn]] void Fail(std::string_view message, int line = 0) const;
  /// The next token as messages show it.
  std::string Shown() const;

  /// One level of nesting; throws Error for too many: a template is a download, and recursion has an end.
  class Nested {
   public:
    explicit Nested(TokenStream& stream);
    ~Nested() { --stream_.depth_; }
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;

   private:
    TokenStream& stream_;
  };

 private:
  std::string source_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace w8a16::jinja
