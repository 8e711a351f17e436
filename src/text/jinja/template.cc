#include "text/jinja/template.h"

#include <utility>

#include "text/jinja/globals.h"
#include "text/jinja/statements.h"
#include "text/jinja/template_parser.h"
#include "text/utf8.h"

namespace w8a16::jinja {
namespace {

Value FromJson(Runtime& runtime, const Json& json) {
  switch (json.type()) {
    case Json::value_t::boolean:
      return json.get<bool>();
    case Json::value_t::number_integer:
      return json.get<int64_t>();
    case Json::value_t::number_unsigned: {
      const auto number = json.get<uint64_t>();
      return number > static_cast<uint64_t>(INT64_MAX) ? Value(static_cast<double>(number))
                                                       : Value(static_cast<int64_t>(number));
    }
    case Json::value_t::number_float:
      return json.get<double>();
    case Json::value_t::string: {
      // Characters are counted on the way: what is ill-formed becomes U+FFFD.
      const auto& text = json.get_ref<const std::string&>();
      return runtime.MakeText(IsWellFormedUtf8(text) ? text : ToWellFormedUtf8(text));
    }
    case Json::value_t::array: {
      std::vector<Value> items;
      for (const Json& item : json) items.push_back(FromJson(runtime, item));
      return runtime.MakeList(std::move(items));
    }
    case Json::value_t::object: {
      std::vector<std::pair<Value, Value>> items;
      for (const auto& [key, item] : json.items()) items.emplace_back(Value(key), FromJson(runtime, item));
      return runtime.MakeDict(items);
    }
    default:
      return {};
  }
}

}  // namespace

struct Template::Impl {
  std::string source;
  Block block;
};

Template Template::Parse(std::string_view text, std::string_view source) {
  return Template(std::make_shared<const Impl>(Impl{std::string(source), ParseTemplate(text, source)}));
}

std::string Template::Render(const Json& variables, const std::tm& now) const {
  Runtime runtime(impl_->source, now);
  Runtime::NewScope globals(runtime, nullptr);
  SetGlobals(runtime, *globals);
  for (const auto& [name, value] : variables.items()) (*globals).Set(name, FromJson(runtime, value));
  // What a template sets hides what it was given.
  Runtime::NewScope scope(runtime, &*globals);
  std::string out;
  RunBlock(impl_->block, runtime, *scope, out);
  return out;
}

}  // namespace w8a16::jinja
