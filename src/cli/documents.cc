#include "cli/documents.h"

#include <algorithm>
#include <optional>
#include <sstream>

#include "base/strings.h"
#include "checkpoint/json.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

bool IsListOfStrings(const Json& json) {
  return json.is_array() && std::all_of(json.begin(), json.end(), [](const Json& item) { return item.is_string(); });
}

// The strings where the file is a JSON list of them; nothing where it is a text, which goes to `text`.
std::optional<std::vector<std::string>> ReadStrings(const std::filesystem::path& path, std::string& text) {
  text = ReadTextFile(path);
  const size_t start = text.find_first_not_of(" \t\r\n");
  if (start == std::string::npos) throw Error(StrCat(path.string(), ": there is no text in this file"));
  const bool must_be_json = path.extension() == ".json";
  // A text may well begin with a bracket: only what is a list of strings as a whole is taken for one.
  if (!must_be_json && !(text[start] == '[' && Json::accept(text))) return std::nullopt;
  const Json json = ParseJson(text, path.string());
  if (IsListOfStrings(json)) {
    if (json.empty()) throw Error(StrCat(path.string(), ": the list of texts is empty"));
    return json.get<std::vector<std::string>>();
  }
  if (must_be_json) throw Error(StrCat(path.string(), ": expected a JSON list of strings, one for each text"));
  return std::nullopt;
}

}  // namespace

std::vector<std::string> ReadDocuments(const std::filesystem::path& path) {
  std::string text;
  if (auto strings = ReadStrings(path, text)) return std::move(*strings);
  return {std::move(text)};
}

std::vector<std::string> ReadPrompts(const std::filesystem::path& path) {
  std::string text;
  if (auto strings = ReadStrings(path, text)) return std::move(*strings);
  std::vector<std::string> prompts;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) prompts.push_back(line);
  }
  return prompts;
}

std::vector<std::vector<int32_t>> EncodeDocuments(const Tokenizer& tokenizer, std::span<const std::string> documents,
                                                  int32_t bos_id) {
  std::vector<std::vector<int32_t>> encoded;
  encoded.reserve(documents.size());
  for (const std::string& document : documents) {
    std::vector<int32_t> ids = tokenizer.Encode(document, true);
    if (bos_id >= 0 && (ids.empty() || ids.front() != bos_id)) ids.insert(ids.begin(), bos_id);
    encoded.push_back(std::move(ids));
  }
  return encoded;
}

}  // namespace w8a16
