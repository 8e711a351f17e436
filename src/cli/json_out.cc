#include "cli/json_out.h"

#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {

void PrintText(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) {
    throw Error(StrCat("standard output: cannot write: ", std::strerror(errno)));
  }
}

void FlushOutput() {
  if (std::fflush(stdout) != 0) throw Error(StrCat("standard output: cannot write: ", std::strerror(errno)));
}

void PrintJson(const Json& document) {
  PrintText(document.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n');
}

std::string LogitsJson(std::span<const float> logits, int64_t columns) {
  fmt::memory_buffer out;
  const auto append = [&](std::string_view text) { out.append(text.data(), text.data() + text.size()); };
  append("{\"logits\":[");
  for (size_t i = 0; i < logits.size(); ++i) {
    const bool row_start = i % static_cast<size_t>(columns) == 0;
    if (row_start) append(i == 0 ? "[" : "],[");
    if (!row_start) append(",");
    if (std::isfinite(logits[i])) {
      fmt::format_to(std::back_inserter(out), "{}", logits[i]);
    } else {
      append("null");
    }
  }
  append(logits.empty() ? "]}" : "]]}");
  return fmt::to_string(out);
}

}  // namespace w8a16
