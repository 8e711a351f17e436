#include "text/pattern.h"

#include "text/utf8.h"
#include "w8a16/error.h"

namespace w8a16 {

Pattern Pattern::Parse(const JsonNode& node) {
  if (const auto literal = node.Find("String")) return Pattern(literal->String());
  const auto regex = node.Find("Regex");
  if (!regex) node.Fail("must be {\"String\": \"...\"} or {\"Regex\": \"...\"}");
  const std::string& text = regex->String();
  try {
    return Pattern(Regex(text));
  } catch (const Error& error) {
    regex->Fail(error.what());
  }
}

void Pattern::FindAll(std::string_view text, std::vector<Regex::Match>& out) const {
  if (const auto* literal = std::get_if<std::string>(&pattern_)) {
    if (literal->empty()) return;
    for (size_t at = text.find(*literal); at != std::string_view::npos; at = text.find(*literal, at)) {
      out.push_back({at, at + literal->size()});
      at += literal->size();
    }
    return;
  }
  const Regex& regex = std::get<Regex>(pattern_);
  size_t start = 0;
  size_t last_end = std::string_view::npos;
  while (start <= text.size()) {
    const auto match = regex.Find(text, start);
    if (!match) return;
    if (match->end == match->begin && match->end == last_end) {
      start += start < text.size() ? CharacterAt(text, start).length : 1;
      continue;
    }
    out.push_back(*match);
    start = last_end = match->end;
  }
}

std::string Pattern::Replace(std::string_view text, std::string_view content) const {
  std::vector<Regex::Match> matches;
  FindAll(text, matches);
  std::string out;
  size_t end = 0;
  for (const auto& match : matches) {
    out += text.substr(end, match.begin - end);
    out += content;
    end = match.end;
  }
  out += text.substr(end);
  return out;
}

}  // namespace w8a16
