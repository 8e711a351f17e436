#include "text/jinja/template.h"

#include "testing/files.h"

namespace w8a16::jinja {
namespace {

using testing::ExpectError;

std::string Render(const std::string& text, const Json& variables = Json::object()) {
  return Template::Parse(text, "chat.jinja").Render(variables, std::tm{});
}

std::string Repeated(const std::string& text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

TEST(JinjaTemplate, ErrorsNameTheLine) {
  ExpectError([] { Render("a\n\n{{ x.y }}"); }, {"chat.jinja: line 3: 'x' is undefined"});
  ExpectError([] { Render("{% if true %}\n{{ 'a' +\n 1 }}\n{% endif %}"); },
              {"line 2", "+ is not possible with a string and an integer"});
  ExpectError([] { Render("\n{% macro f(a) %}\n{{ a.b.c }}{% endmacro %}\n{{ f({}) }}"); },
              {"line 3", "has no member 'b'"});
  ExpectError([] { Render("{#\n\n#}{{ raise_exception('no system role') }}"); },
              {"chat.jinja: line 3: no system role"});
}

TEST(JinjaTemplate, WhatIsNotSupportedIsNamed) {
  ExpectError([] { Render("\n{% include 'x' %}"); }, {"line 2", "the tag 'include' is not supported", "for, if, set"});
  ExpectError([] { Render("{{ 'a' | captialize }}"); }, {"the filter 'captialize' is not supported; near: capitalize"});
  ExpectError([] { Render("{{ 'a' is strng }}"); }, {"there is no test 'strng'", "string"});
  ExpectError([] { Render("{{ 'a'.encode() }}"); }, {"method encode() of a string is not supported"});
  ExpectError([] { Render("{{ [].append(1) }}"); }, {"append() would change a list", "list + [item]"});
  ExpectError([] { Render("{{ f(*x) }}"); }, {"(*, **) are not supported"});
  ExpectError([] { Render("{{ lipsum() }}"); }, {"'lipsum' is undefined"});
  ExpectError([] { Render("{{ namespace() }}"); }, {"a namespace cannot be printed"});
}

TEST(JinjaTemplate, MissingEndsAreNamed) {
  ExpectError([] { Render("{% for x in y %}"); }, {"{% endfor %} is missing"});
  ExpectError([] { Render("{% if x %}{% else %}"); }, {"{% endif %} is missing"});
  ExpectError([] { Render("{% endfor %}"); }, {"{% endfor %} has no beginning"});
  ExpectError([] { Render("{% break %}"); }, {"'break' outside a loop"});
  ExpectError([] { Render("{% for x in [1] %}{% macro f() %}{% continue %}{% endmacro %}{% endfor %}"); },
              {"outside a loop"});
}

TEST(JinjaTemplate, MethodsDoNotHideItemsInBrackets) {
  const Json variables = {{"schema", {{"items", {{"type", "string"}}}, {"get", 1}}}};
  EXPECT_EQ(Render("{{ schema['items'].type }} {{ schema['get'] }} {{ schema.get('get') }}", variables), "string 1 1");
}

TEST(JinjaTemplate, IllFormedTextIsReplaced) {
  EXPECT_EQ(Render("{{ x }}{{ x | length }}", {{"x", "a\xFF"}}),
            "a\xEF\xBF\xBD"
            "2");
  ExpectError([] { Render("\xFF"); }, {"chat.jinja", "UTF-8"});
}

TEST(JinjaTemplate, LargeNumbers) {
  EXPECT_EQ(Render("{{ x }} {{ 9223372036854775807 }}", {{"x", INT64_MIN}}),
            "-9223372036854775808 9223372036854775807");
  for (const char* text : {"{{ 9223372036854775807 + 1 }}", "{{ -x - 1 - 1 }}", "{{ 9223372036854775807 * 2 }}",
                           "{{ 10 ** 19 }}", "{{ 9223372036854775808 }}", "{{ (-x - 1) // -1 }}", "{{ -(-x - 1) }}"}) {
    ExpectError([&] { Render(text, {{"x", INT64_MAX}}); }, {"64 bits"});
  }
  EXPECT_EQ(Render("{{ '1e400' | int }} {{ '99999999999999999999' | int(-1) }}"), "0 -1");
}

TEST(JinjaTemplate, DeepNestingIsAnError) {
  constexpr size_t kMany = 20'000;
  const std::vector<std::pair<std::string, std::string>> brackets = {
      {"(", ")"}, {"[", "]"}, {"{1:", "}"}, {"not ", ""}, {"-", ""}, {"x if x else ", ""}, {"x[", "]"}, {"f(", ")"}};
  for (const auto& [open, close] : brackets) {
    ExpectError([&] { Render("{{ " + Repeated(open, kMany) + "1" + Repeated(close, kMany) + " }}"); },
                {"nested deeper than"});
  }
  for (const char* open :
       {"{% if x %}", "{% for x in y %}", "{% set x %}", "{% macro f() %}", "{% filter trim %}", "{% with %}"}) {
    ExpectError([&] { Render(Repeated(open, kMany)); }, {"nested deeper than"});
  }
  // What leans to one side is as deep.
  for (const char* part : {" + 1", " and 1", " or 1", ".x", "[0]", "()", " | trim", " is none", " if 1"}) {
    ExpectError([&] { Render("{{ x" + Repeated(part, kMany) + " }}"); }, {"more than 200 steps"});
  }
  EXPECT_EQ(Render("{{ 1" + Repeated(" ~ 1", 1000) + " }}").size(), 1001U);
  EXPECT_EQ(Render("{{ 1" + Repeated(" + 1", 190) + " }}"), "191");
}

TEST(JinjaTemplate, DeepValuesAreAnError) {
  ExpectError(
      [] { Render("{% set n = namespace(x=[]) %}{% for i in range(100000) %}{% set n.x = [n.x] %}{% endfor %}"); },
      {"values nested deeper than 200"});
  ExpectError(
      [] { Render("{% set n = namespace(x={}) %}{% for i in range(100000) %}{% set n.x = {1: n.x} %}{% endfor %}"); },
      {"values nested deeper than 200"});
  // A namespace may hold itself; it is not printed.
  ExpectError([] { Render("{% set n = namespace() %}{% set n.n = [n] %}{{ n.n }}"); }, {"cannot be printed"});
}

TEST(JinjaTemplate, EndlessRecursionIsAnError) {
  ExpectError([] { Render("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"); }, {"call themselves too deeply"});
  ExpectError([] { Render("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}"); },
              {"call themselves too deeply"});
  EXPECT_EQ(Render("{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{% else %}end{% endif %}{% endmacro %}{{ f(60) }}"),
            "end");
}

TEST(JinjaTemplate, WorkIsBounded) {
  const std::string loop = "{% for a in range(100000) %}";
  ExpectError([&] { Render(Repeated(loop, 3) + Repeated("{% endfor %}", 3)); }, {"too much work"});
  ExpectError([] { Render("{{ 'x' * 1000000000000 }}"); }, {"MiB"});
  ExpectError([] { Render("{{ [1] * 1000000000000 }}"); }, {"items"});
  ExpectError([] { Render("{{ 'a' | indent(9000000000) | center(9000000000) }}"); }, {"center"});
  ExpectError([] { Render("{{ 'a'.center(9000000000) }}"); }, {"MiB"});
  ExpectError(
      [] { Render("{% set n = namespace(s='x') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}"); },
      {"too much work"});
  // A small value that prints as a large one.
  ExpectError(
      [] {
        Render("{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}");
      },
      {"too much work"});
  ExpectError(
      [] {
        Render(
            "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x == n.x "
            "}}");
      },
      {"too much work"});
  ExpectError([] { Render("{{ 'aaaaaaaaaaaaaaaa'.replace('', 'b' * 6000000) }}"); }, {"MiB"});
  ExpectError(
      [] {
        Render("{% set a = 'a' * 10000000 %}{% for i in range(1000) %}{{ ('a' * 5000000 ~ 'b') in a }}{% endfor %}");
      },
      {"too much work"});
}

TEST(JinjaTemplate, AMacroOutlivesItsLoop) {
  EXPECT_EQ(
      Render("{% set n = namespace() %}{% for x in [1, 2] %}{% set y = x %}{% macro f() %}{{ y }}{{ x }}{% endmacro %}"
             "{% set n.f = f %}{% set n.loop = loop %}{% endfor %}{% for x in 'abc' %}{% set z = x %}{% endfor %}"
             "{{ n.f() }} {{ n.loop.index }} {{ n.loop.previtem }}"),
      "22 2 1");
}

}  // namespace
}  // namespace w8a16::jinja
