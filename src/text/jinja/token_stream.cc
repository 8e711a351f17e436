#include "text/jinja/token_stream.h"

#include <algorithm>

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16::jinja {
namespace {

constexpr int kDeepest = 100;

}  // namespace

const Token& TokenStream::Next() {
  const Token& token = Peek();
  if (at_ < tokens_.size()) ++at_;
  return token;
}

bool TokenStream::SkipOperator(std::string_view text) {
  if (!SeesOperator(text)) return false;
  Next();
  return true;
}

bool TokenStream::SkipName(std::string_view name) {
  if (!SeesName(name)) return false;
  Next();
  return true;
}

void TokenStream::ExpectOperator(std::string_view text) {
  if (!SkipOperator(text)) Fail(StrCat("expected '", text, "', not ", Shown()));
}

void TokenStream::ExpectName(std::string_view name) {
  if (!SkipName(name)) Fail(StrCat("expected '", name, "', not ", Shown()));
}

void TokenStream::Expect(Token::Kind kind) {
  if (!Sees(kind)) Fail(StrCat("unexpected ", Shown()));
  Next();
}

std::string TokenStream::TakeName(std::string_view what) {
  if (!Sees(Token::Kind::kName)) Fail(StrCat("expected ", what, ", not ", Shown()));
  return Next().text;
}

void TokenStream::Fail(std::string_view message, int line) const {
  throw Error(StrCat(source_, ": line ", line > 0 ? line : this->line(), ": ", message));
}

std::string TokenStream::Shown() const {
  constexpr size_t kLongest = 40;
  switch (Peek().kind) {
    case Token::Kind::kData:
      return "text";
    case Token::Kind::kVariableBegin:
      return "'{{'";
    case Token::Kind::kVariableEnd:
      return "'}}'";
    case Token::Kind::kBlockBegin:
      return "'{%'";
    case Token::Kind::kBlockEnd:
      return "'%}'";
    case Token::Kind::kEnd:
      return "the end of the template";
    default:
      return StrCat("'", Peek().text.substr(0, kLongest), "'");
  }
}

TokenStream::Nested::Nested(TokenStream& stream) : stream_(stream) {
  if (stream.depth_ >= kDeepest) stream.Fail(StrCat("nested deeper than ", kDeepest, " levels"));
  ++stream.depth_;
}

}  // namespace w8a16::jinja
