#include "text/chat_template.h"

#include <array>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

namespace fs = std::filesystem;

// The object of a JSON file; an empty one where there is no such file.
Json ReadObject(const fs::path& path) {
  if (!fs::exists(path)) return Json::object();
  Json json = ParseJson(ReadTextFile(path), path.string());
  if (!json.is_object()) throw Error(StrCat(path.string(), ": a JSON object was expected"));
  return json;
}

// {"name": "default", "template": "..."}, ...
std::string DefaultOf(const Json& templates, const std::string& source) {
  std::vector<std::string> names;
  for (const Json& entry : templates) {
    const bool well_formed = entry.is_object() && entry.contains("name") && entry["name"].is_string() &&
                             entry.contains("template") && entry["template"].is_string();
    if (!well_formed) {
      throw Error(StrCat(source, ": each template of a list must have a name and a template, both texts"));
    }
    if (entry["name"] == "default") return entry["template"].get<std::string>();
    names.push_back(entry["name"].get<std::string>());
  }
  throw Error(StrCat(source, ": none of the templates is named default; there are: ", Join(names, ", ")));
}

std::optional<std::string> TemplateOf(const Json& config, const std::string& source) {
  const auto found = config.find("chat_template");
  if (found == config.end() || found->is_null()) return std::nullopt;
  if (found->is_string()) return found->get<std::string>();
  if (found->is_array()) return DefaultOf(*found, source);
  throw Error(StrCat(source, ": a template or a list of named templates was expected"));
}

// A special token is a text, or an object with its text and how it is matched.
std::optional<std::string> TokenText(const Json& token) {
  if (token.is_string()) return token.get<std::string>();
  if (token.is_object() && token.contains("content") && token["content"].is_string()) {
    return token["content"].get<std::string>();
  }
  return std::nullopt;
}

Json SpecialTokens(const fs::path& directory, const Json& tokenizer_config) {
  static constexpr std::array kNames = {"bos_token", "eos_token", "unk_token", "sep_token",
                                        "pad_token", "cls_token", "mask_token"};
  const Json map = ReadObject(directory / "special_tokens_map.json");
  Json tokens = Json::object();
  for (const char* name : kNames) {
    for (const Json* source : {&map, &tokenizer_config}) {  // the later one counts
      const auto found = source->find(name);
      if (found == source->end()) continue;
      if (const auto text = TokenText(*found)) tokens[name] = *text;
    }
  }
  return tokens;
}

}  // namespace

std::optional<ChatTemplate> ChatTemplate::Load(const fs::path& directory) {
  const fs::path config_path = directory / "tokenizer_config.json";
  const Json config = ReadObject(config_path);
  std::optional<std::string> text;
  std::string source;
  if (const fs::path path = directory / "chat_template.jinja"; fs::exists(path)) {
    text = ReadTextFile(path);
    source = path.string();
  }
  for (const char* name : {"tokenizer_config.json", "chat_template.json"}) {
    if (text) break;
    source = (directory / name).string() + ": chat_template";
    text = TemplateOf(ReadObject(directory / name), source);
  }
  if (!text) return std::nullopt;
  return ChatTemplate(jinja::Template::Parse(*text, source), SpecialTokens(directory, config));
}

std::string ChatTemplate::Render(const Json& messages, bool add_generation_prompt) const {
  Json variables = special_tokens_;
  variables["messages"] = messages;
  // transformers gives these whether or not there are any.
  variables["tools"] = nullptr;
  variables["documents"] = nullptr;
  variables["add_generation_prompt"] = add_generation_prompt;
  const std::time_t time = std::time(nullptr);
  std::tm now{};
  localtime_r(&time, &now);
  return template_.Render(variables, now);
}

std::string ChatTemplate::EosToken() const { return special_tokens_.value("eos_token", std::string()); }

}  // namespace w8a16
