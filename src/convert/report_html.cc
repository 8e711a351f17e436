#include "convert/report_html.h"

#include "checkpoint/json.h"

namespace w8a16 {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

std::string ValidUtf8(std::string_view text) {
  return Json::parse(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace)).get<std::string>();
}

// U+FFFE or U+FFFF, which XML has no way to write.
bool IsNoncharacter(std::string_view text, size_t at) {
  const std::string_view three = text.substr(at, 3);
  return three == "\xEF\xBF\xBE" || three == "\xEF\xBF\xBF";
}

}  // namespace

Html& Html::operator<<(std::string_view text) {
  const std::string valid = ValidUtf8(text);
  for (size_t i = 0; i < valid.size(); ++i) {
    const char c = valid[i];
    if (c == '&') {
      markup_ += "&amp;";
    } else if (c == '<') {
      markup_ += "&lt;";
    } else if (c == '>') {
      markup_ += "&gt;";
    } else if (c == '"') {
      markup_ += "&quot;";
    } else if (c == '\'') {
      markup_ += "&#39;";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      markup_ += kReplacement;
    } else if (IsNoncharacter(valid, i)) {
      markup_ += kReplacement;
      i += 2;
    } else {
      markup_ += c;
    }
  }
  return *this;
}

}  // namespace w8a16
