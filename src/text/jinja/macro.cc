#include "text/jinja/macro.h"

#include <algorithm>

#include "base/strings.h"

namespace w8a16::jinja {

std::optional<Value> Macro::Attribute(std::string_view name) {
  if (name == "name") return Value(definition_.name);
  return std::nullopt;
}

Value Macro::Call(Runtime& runtime, const Arguments& arguments) {
  const int line = runtime.line();
  Runtime::NewScope scope(runtime, &scope_);
  Bind(runtime, arguments, *scope);
  std::string text;
  RunBlock(definition_.body, runtime, *scope, text);
  runtime.At(line);
  return runtime.MakeText(std::move(text));
}

void Macro::Bind(Runtime& runtime, const Arguments& arguments, Scope& scope) const {
  const std::vector<MacroParameter>& parameters = definition_.parameters;
  const auto fail = [&](std::string_view message) {
    runtime.Fail(StrCat("the macro '", definition_.name, "' ", message));
  };
  const size_t given = std::min(arguments.positional.size(), parameters.size());
  std::vector<std::pair<Value, Value>> extra;
  for (size_t i = 0; i < given; ++i) scope.Set(parameters[i].name, arguments.positional[i]);
  for (const auto& argument : arguments.keyword) {
    const std::string& name = argument.first;
    const auto found =
        std::find_if(parameters.begin(), parameters.end(), [&](const auto& p) { return p.name == name; });
    const bool known = found != parameters.end();
    if (known && static_cast<size_t>(found - parameters.begin()) < given) {
      fail(StrCat("was given the argument '", name, "' twice"));
    }
    if (known || name == "caller") {
      scope.Set(name, argument.second);
    } else if (definition_.uses_kwargs) {
      extra.emplace_back(name, argument.second);
    } else {
      fail(StrCat("has no argument '", name, "'"));
    }
  }
  if (arguments.positional.size() > parameters.size() && !definition_.uses_varargs) {
    fail(StrCat("takes at most ", parameters.size(), " arguments, not ", arguments.positional.size()));
  }
  if (definition_.uses_varargs) {
    const auto first = arguments.positional.begin() + static_cast<std::ptrdiff_t>(given);
    scope.Set("varargs", runtime.MakeList({first, arguments.positional.end()}, true));
  }
  if (definition_.uses_kwargs) scope.Set("kwargs", runtime.MakeDict(extra));
  for (size_t i = given; i < parameters.size(); ++i) {
    const MacroParameter& parameter = parameters[i];
    const bool named = std::any_of(arguments.keyword.begin(), arguments.keyword.end(),
                                   [&](const auto& argument) { return argument.first == parameter.name; });
    if (named) continue;
    Value value = Undefined{std::make_shared<std::string>(StrCat("parameter '", parameter.name, "' was not provided"))};
    if (parameter.otherwise != nullptr) value = parameter.otherwise->Evaluate(runtime, scope);
    scope.Set(parameter.name, std::move(value));
  }
}

}  // namespace w8a16::jinja
