#!/usr/bin/env python3
"""Renders chat templates with Jinja itself, as transformers sets it up, and writes what came out as test vectors.

    tools/chat_template_vectors.py            # writes tests/data/chat_templates/vectors.json
    tools/chat_template_vectors.py --check    # fails where the file is not what Jinja gives

Every template of tests/data/chat_templates/templates is rendered for every conversation below, and every construct below
by itself. Needs Debian's python3-jinja2; nothing of transformers: its environment is the few lines of `environment`.
"""

import argparse
import datetime
import json
import pathlib
import sys

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment

ROOT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "chat_templates"
NOW = datetime.datetime(2024, 3, 5, 14, 7, 9)


class Generation(Extension):
    """{% generation %}: a call block around what an assistant said, as transformers has it."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_run"), [], [], body).set_lineno(line)

    def _run(self, caller):
        return caller()


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"]
    )
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    return env


def turns(*contents, system=None):
    messages = [] if system is None else [{"role": "system", "content": system}]
    for i, content in enumerate(contents):
        messages.append({"role": "user" if i % 2 == 0 else "assistant", "content": content})
    return messages


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather.\nToday only.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Where; \"Málaga\", say"},
                "unit": {"type": "string", "enum": ["°C", "°F"]},
                "days": {"type": "array", "items": {"type": "integer"}},
            },
            "required": ["city"],
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "clock", "description": "Tells the time.", "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": "call01234", "type": "function", "function": {"name": "get_weather", "arguments": {"city": "Oslo", "days": [1, 2], "x": 0.5}}}

CONVERSATIONS = {
    "one question": {"messages": turns("Hello?"), "add_generation_prompt": True},
    "no prompt": {"messages": turns("Hello?", "Hi <there> & \"you\"!"), "add_generation_prompt": False},
    "system": {"messages": turns(" Two\nlines ", system="Be kind."), "add_generation_prompt": True},
    "several turns": {
        "messages": turns("a", "b", "  c\n", "\n\td  ", "Übung, 你好, 👍", system="s\n"),
        "add_generation_prompt": True,
    },
    "wrong order": {"messages": [{"role": "assistant", "content": "me first"}], "add_generation_prompt": True},
    "two questions": {"messages": turns("a") + turns("b"), "add_generation_prompt": True},
    "unknown role": {"messages": turns("a", "b") + [{"role": "critic", "content": "c"}], "add_generation_prompt": False},
    "empty": {"messages": [], "add_generation_prompt": True},
    "tools": {
        "messages": turns("Weather?", system="Use tools."),
        "tools": [WEATHER, CLOCK],
        "add_generation_prompt": True,
    },
    "calls": {
        "messages": turns("Weather?")
        + [
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "name": "get_weather", "content": "{\"t\": 3}", "tool_call_id": "call01234"},
        ],
        "tools": [WEATHER],
        "add_generation_prompt": True,
    },
    "calls and answer": {
        "messages": turns("Weather?")
        + [
            {"role": "assistant", "content": "I look.", "tool_calls": [CALL, dict(CALL, id="call01235")]},
            {"role": "tool", "content": "rain"},
            {"role": "tool", "content": {"content": "snow"}},
            {"role": "assistant", "content": "Rain, then snow."},
        ],
        "add_generation_prompt": False,
    },
    "parts": {
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "Look."}]},
            {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": " What is it? "}]},
            {"role": "assistant", "content": [{"type": "text", "text": "A cat."}, {"type": "text", "text": "Or two."}]},
        ],
        "add_generation_prompt": True,
    },
    "thoughts": {
        "messages": turns("1+1?", "<think>\neasy\n</think>\n\n2", "2+2?", "<think>\nhm\n</think>\n\n4"),
        "add_generation_prompt": False,
    },
    "thoughts off": {
        "messages": turns("1+1?", "<think>a</think>2", "2+2?"),
        "add_generation_prompt": True,
        "enable_thinking": False,
    },
    "stop": {
        "messages": turns("a") + [{"role": "stop", "content": ""}, {"role": "user", "content": "unseen"}],
        "add_generation_prompt": False,
    },
}

V = {
    "s": "Hello, Wörld",
    "e": "",
    "n": 7,
    "neg": -7,
    "f": 2.5,
    "t": True,
    "none": None,
    "l": [3, 1, 2],
    "words": ["pear", "Apple", "fig", "apple"],
    "d": {"b": 1, "a": [1, {"c": None}], "z": "q\"uote's"},
    "users": [{"name": "Ann", "age": 30, "x": {"y": 1}}, {"name": "bob", "age": 25}, {"name": "Cid", "age": 30}],
    "ws": "  \t padded \n",
    "lines": "one\ntwo\n\nthree",
    "m": {"role": "user", "items": 5, "content": "c"},
}

CONSTRUCTS = [
    # output and literals
    "{{ 1 }} {{ 1.0 }} {{ 'a' }} {{ \"b\" }} {{ true }} {{ True }} {{ none }} {{ None }} {{ missing }}|",
    "{{ 'it''s' }}{{ 'tab\\there\\n' }}{{ 'q\\'q' }}{{ \"\\u00e9\\x41\\U0001F44D\\101\" }}{{ 'a\\qb' }}",
    "{{ [1, 'a', none, true, 2.5, missing] }} {{ (1, 2) }} {{ (1,) }} {{ () }} {{ {} }} {{ {'a': 1, 2: 'b', none: true} }}",
    "{{ 1, 2 }}",
    "{{ 1_000 }} {{ 1e3 }} {{ 1.5e-7 }} {{ 1e16 }} {{ 123456789012345.0 }} {{ 0.1 + 0.2 }} {{ 1e22 }} {{ 100000.0 }}",
    "{{ d }} {{ words }} {{ users[0] }}",
    "{{ 'a\nb' }}|{{ '''' }}",
    "{{ ['it\\'s', 'say \"x\"', 'both \\' \"', 'back\\\\slash', 'tab\\t', '\\x00\\x7f', 'é', '\\u200b'] }}",
    # arithmetic
    "{{ 7 + 2 }} {{ 7 - 2 }} {{ 7 * 2 }} {{ 7 / 2 }} {{ 7 // 2 }} {{ 7 % 3 }} {{ 2 ** 10 }}",
    "{{ -7 // 2 }} {{ -7 % 3 }} {{ 7 // -2 }} {{ 7 % -3 }} {{ -7 / 2 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 2 ** -1 }}",
    "{{ 1 + 2 * 3 - 4 / 2 }} {{ (1 + 2) * 3 }} {{ -n }} {{ +n }} {{ - - n }} {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }}",
    "{{ 'a' + 'b' }} {{ 'ab' * 3 }} {{ 3 * 'x' }} {{ [1] + [2, 3] }} {{ [0] * 3 }} {{ true + true }}",
    "{{ 'a' ~ 1 ~ none ~ 2.0 ~ missing ~ true ~ [1] }}",
    "{{ 1 + 2 ~ 3 }} {{ 'x' ~ 1 + 1 }}",
    "{{ '%s is %d, %5.2f|%-5s|%05d|%%' % ('x', 3, 2.567, 'ab', -42) }} {{ '%s' % 5 }} {{ '%r' % 'a' }}",
    "{{ 1 / 0 }}",
    "{{ 1 + 'a' }}",
    "{{ 'a' + 1 }}",
    "{{ none + 1 }}",
    "{{ missing + 1 }}",
    # comparisons and logic
    "{{ 1 < 2 }} {{ 2 <= 2 }} {{ 3 > 4 }} {{ 3 >= 3 }} {{ 1 == 1.0 }} {{ 1 != 2 }} {{ 'a' < 'b' }} {{ true == 1 }}",
    "{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1 == 1 }} {{ [1, 2] < [1, 3] }} {{ [1] == [1] }} {{ (1,) == [1] }} {{ d == d }}",
    "{{ 'ell' in s }} {{ 'x' not in s }} {{ 1 in l }} {{ 'b' in d }} {{ 'q' in d }} {{ not 1 in l }} {{ 'a' in missing }}",
    "{{ 1 and 2 }} {{ 0 and 2 }} {{ 0 or 'x' }} {{ '' or none }} {{ not '' }} {{ not not 3 }} {{ 1 or missing.x }}",
    "{{ none == none }} {{ missing == missing }} {{ missing == none }} {{ '' == none }} {{ {} == {} }}",
    "{{ 'a' if t else 'b' }} {{ 'a' if e }}| {{ 1 if 0 else 2 if 0 else 3 }} {{ ('x' if t) ~ 'y' }}",
    "{{ 1 < 'a' }}",
    "{{ none < 1 }}",
    "{{ 1 in 5 }}",
    "{{ 1 in 'abc' }}",
    # members, items, slices
    "{{ d.b }} {{ d['a'] }} {{ d.a[1].c }} {{ d.missing }} {{ d['nope'] }} {{ l[0] }} {{ l[-1] }} {{ l.0 }} {{ l[9] }}|",
    "{{ s[0] }} {{ s[-1] }} {{ s[7] }} {{ s[8] }} {{ s[1:4] }} {{ s[-4:] }} {{ s[::-1] }} {{ s[::2] }} {{ s[10:2:-3] }}",
    "{{ l[1:] }} {{ l[:-1] }} {{ l[::-1] }} {{ l[5:] }} {{ l[-9:9] }} {{ l[2:0:-1] }} {{ l[:] }} {{ (1, 2, 3)[1:] }}",
    "{{ m.items is defined }} {{ m['items'] }} {{ m.items() | list }} {{ m.role }} {{ m.keys() | list }} {{ m.values() | list }}",
    "{{ d.get('b') }} {{ d.get('x') }} {{ d.get('x', 'y') }} {{ none.x }}|{{ s.x }}|{{ 5.x is defined }}",
    "{{ missing.x }}",
    "{{ missing['x'] }}",
    "{{ d.missing.x }}",
    "{{ l.append(4) }}",
    "{{ d.update({'x': 1}) }}",
    "{{ l[::0] }}",
    "{{ n() }}",
    "{{ missing() }}",
    # text methods
    "[{{ ws.strip() }}] [{{ ws.lstrip() }}] [{{ ws.rstrip() }}] [{{ 'xxaxx'.strip('x') }}] [{{ 'abcba'.lstrip('ab') }}] [{{ 'abcba'.rstrip('ab') }}]",
    "{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'a b c'.split(none, 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ''.split() }} {{ ''.split(',') }} {{ 'a,b'.split(sep=',', maxsplit=1) }}",
    "{{ s.startswith('He') }} {{ s.endswith('x') }} {{ s.startswith(('x', 'H')) }} {{ s.replace('l', 'L') }} {{ s.replace('l', 'L', 1) }} {{ 'ab'.replace('', '-') }}",
    "{{ s.upper() }} {{ s.lower() }} {{ 'hello wORLD it\\'s'.title() }} {{ 'hELLO'.capitalize() }} {{ 'ÀÉ'.lower() }}",
    "{{ 'a-b-c'.partition('-') }} {{ 'a-b-c'.rpartition('-') }} {{ 'abc'.partition('-') }} {{ lines.splitlines() }} {{ lines.splitlines(true) }}",
    "{{ '-'.join(words) }} {{ s.find('l') }} {{ s.find('x') }} {{ s.rfind('l') }} {{ s.find('r') }} {{ s.index('W') }} {{ s.count('l') }} {{ ''.join([]) }}",
    "{{ 'abc'.isalpha() }} {{ '12'.isdigit() }} {{ 'a1'.isalnum() }} {{ ' '.isspace() }} {{ 'AB'.isupper() }} {{ 'ab1'.islower() }} {{ ''.isalpha() }}",
    "{{ 'prefix-x'.removeprefix('prefix-') }} {{ 'x.py'.removesuffix('.py') }} {{ '7'.zfill(3) }} {{ '-7'.zfill(4) }} [{{ 'a'.ljust(3) }}] [{{ 'a'.rjust(3, '.') }}] [{{ 'ab'.center(5, '*') }}] [{{ 'a'.center(4) }}]",
    "{{ '{} and {}'.format('a', 1) }} {{ '{1}{0}'.format('a', 'b') }} {{ '{x}'.format(x=none) }} {{ '{{}}'.format() }}",
    "{{ s.index('zzz') }}",
    "{{ 'a'.split('') }}",
    "{{ '-'.join([1]) }}",
    "{{ s.nothing() }}",
    # filters on text
    "[{{ ws | trim }}] {{ 'xax' | trim('x') }} {{ s | upper }} {{ s | lower }} {{ 'hELLO wORLD' | capitalize }} {{ 'hello wORLD-two (three) it\\'s' | title }}",
    "{{ s | length }} {{ l | count }} {{ d | length }} {{ '你好' | length }} {{ missing | length }}",
    "{{ s | replace('l', 'L') }} {{ s | replace('l', 'L', 1) }} {{ 5 | replace('5', '6') }} {{ s | replace('x', 'y') }}",
    "{{ lines | indent }}|{{ lines | indent(2, true) }}|{{ lines | indent(1, blank=true) }}|{{ lines | indent('> ') }}|{{ 'a\n' | indent }}|",
    "{{ none | string }} {{ 5 | string + 'x' }} {{ '5' | int + 1 }} {{ 'x' | int }} {{ 'x' | int(9) }} {{ '3.7' | int }} {{ 3.9 | int }} {{ '2.5' | float }} {{ 'x' | float }} {{ 7 | float }} {{ 'ff' | int(0, 16) }} {{ ' 12 ' | int }} {{ true | int }}",
    "{{ '%s-%s' | format('a', 2) }} {{ '%(x)s' | format(x=1) }} {{ '<a href=\"x\">&\\'' | escape }} {{ '<b>' | e }} {{ '<b>' | safe }} {{ 'a b  c' | wordcount }}",
    "{{ 'abc' | reverse }} {{ l | reverse | list }} {{ -5 | abs }} {{ -2.5 | abs }} {{ 2.567 | round(2) }} {{ 2.5 | round }} {{ 3.5 | round }} {{ 2.1 | round(0, 'ceil') }} {{ 2.9 | round(method='floor') }} {{ 7 | round }} {{ 42.55 | round(1) }}",
    "{{ missing | default('x') }} {{ '' | default('x') }}| {{ '' | default('x', true) }} {{ none | default('x') }} {{ none | d('x', boolean=true) }} {{ d.q | default(d.b) }} {{ missing | default }}|",
    # tojson
    "{{ d | tojson }} {{ s | tojson }} {{ none | tojson }} {{ true | tojson }} {{ 2.0 | tojson }} {{ 'a/b<>&\\'\"\\n\\t\\x01é👍' | tojson }}",
    "{{ d | tojson(indent=2) }} {{ [] | tojson(indent=2) }} {{ {} | tojson(indent=2) }} {{ [[]] | tojson(indent=1) }} {{ [1] | tojson(indent=0) }}",
    "{{ 'é👍\\x7f' | tojson(ensure_ascii=true) }} {{ d | tojson(sort_keys=true) }} {{ [1, {'a': 2}] | tojson(separators=(',', ':')) }} {{ {1: 2, none: 3, true: 4} | tojson }} {{ (1, 2) | tojson }}",
    "{{ missing | tojson }}",
    # filters on lists
    "{{ words | join(', ') }} {{ l | join }} {{ users | join('+', attribute='name') }} {{ [] | join(',') }} {{ [1, none, missing, 'a'] | join('|') }} {{ 'abc' | join('.') }}",
    "{{ l | first }} {{ l | last }} {{ 'abc' | first }} {{ [] | first }}|{{ [] | last }}|{{ d | first }}",
    "{{ 'abc' | list }} {{ d | list }} {{ d.items() | list }} {{ d | items | list }} {{ missing | items | list }} {{ missing | list }} {{ (1, 2) | list }}",
    "{{ users | map(attribute='name') | list }} {{ users | map(attribute='x.y', default=0) | list }} {{ words | map('upper') | list }} {{ l | map('string') | join('-') }} {{ words | map('replace', 'p', 'b') | list }} {{ users | map(attribute='name') | map('length') | list }}",
    "{{ users | selectattr('age', 'equalto', 30) | map(attribute='name') | list }} {{ users | rejectattr('age', '==', 30) | map(attribute='name') | list }} {{ users | selectattr('x') | list | length }} {{ users | selectattr('x', 'undefined') | list | length }} {{ users | rejectattr('x', 'defined') | list | length }} {{ users | selectattr('age', 'gt', 26) | list | length }}",
    "{{ l | select('odd') | list }} {{ l | reject('odd') | list }} {{ ['', 'a', none] | select | list }} {{ [0, 1] | reject | list }} {{ words | select('in', ['fig', 'pear']) | list }} {{ l | select('greaterthan', 1) | list }}",
    "{{ l | sort }} {{ l | sort(reverse=true) }} {{ words | sort }} {{ words | sort(case_sensitive=true) }} {{ users | sort(attribute='age') | map(attribute='name') | list }} {{ 'bca' | sort }}",
    "{{ words | unique | list }} {{ [1, 1.0, 2, true] | unique | list }} {{ l | sum }} {{ users | sum(attribute='age') }} {{ l | sum(start=10) }} {{ l | min }} {{ l | max }} {{ words | min }} {{ users | max(attribute='age') }}",
    "{{ [1, 2, 3, 4, 5] | batch(2) | list }} {{ [1, 2, 3] | batch(2, 'x') | list }} {{ d | dictsort }} {{ {'b': 1, 'A': 2} | dictsort }} {{ {'a': 2, 'b': 1} | dictsort(by='value') }} {{ {'a': 2, 'b': 1} | dictsort(false, 'key', true) }}",
    "{% for age, group in users | groupby('age') %}{{ age }}: {{ group | map(attribute='name') | join(',') }};{% endfor %}",
    "{{ users | attr('x') }}|{{ d | attr('b') }}|",
    "{{ s | nofilter }}",
    "{{ 5 | join }}",
    "{{ l | map('nofilter') | list }}",
    "{{ none | length }}",
    # tests
    "{{ s is defined }} {{ missing is defined }} {{ missing is undefined }} {{ none is none }} {{ s is none }} {{ d.q is defined }} {{ missing is not defined }} {{ none is not none }}",
    "{{ s is string }} {{ d is mapping }} {{ l is sequence }} {{ s is sequence }} {{ d is sequence }} {{ 5 is sequence }} {{ l is iterable }} {{ s is iterable }} {{ d is iterable }} {{ 5 is iterable }} {{ none is iterable }} {{ missing is iterable }} {{ missing is sequence }}",
    "{{ t is boolean }} {{ 1 is boolean }} {{ 1 is number }} {{ t is number }} {{ 1.5 is number }} {{ 's' is number }} {{ 1 is integer }} {{ t is integer }} {{ 1.0 is float }} {{ 1 is float }} {{ t is true }} {{ 1 is true }} {{ false is false }} {{ 0 is false }}",
    "{{ 3 is odd }} {{ 3 is even }} {{ 6 is divisibleby 3 }} {{ 6 is divisibleby(4) }} {{ 'AB' is upper }} {{ 'ab' is lower }} {{ 1 is in l }} {{ 9 is not in l }} {{ 'a' is in 'abc' }}",
    "{{ 1 is equalto 1 }} {{ 1 is eq(2) }} {{ 1 is ne 2 }} {{ 1 is lt 2 }} {{ 1 is ge 2 }} {{ 2 is greaterthan 1 }} {{ none is sameas none }} {{ 1 is sameas true }} {{ range is callable }} {{ s is callable }} {{ 'upper' is filter }} {{ 'x' is filter }} {{ 'odd' is test }}",
    "{{ s is defined and missing is not defined }} {{ 'x' if s is string else 'y' }} {{ not s is string }} {{ (s is string) == true }}",
    "{{ s is notatest }}",
    "{{ none is odd }}",
    # statements
    "{% if n > 5 %}big{% elif n > 3 %}mid{% else %}small{% endif %} {% if e %}x{% endif %} {% if missing %}x{% else %}y{% endif %}",
    "{% for x in l %}{{ x }}{% if not loop.last %},{% endif %}{% endfor %} {% for x in [] %}x{% else %}none{% endfor %} {% for c in 'abc' %}{{ c }}.{% endfor %} {% for k in d %}{{ k }}{% endfor %} {% for x in missing %}x{% else %}-{% endfor %}",
    "{% for x in words %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('a', 'b', 'c') }} {% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %} {% for a, b in [[1, 2], (3, 4), 'xy'] %}{{ a }}{{ b }} {% endfor %}{% for (a, b) in [[1, 2]] %}{{ a }}{% endfor %}",
    "{% for x in [1, 2, 3, 4] if x is even %}{{ x }}:{{ loop.length }} {% endfor %}{% for x in l if x > 9 %}{% else %}nothing{% endfor %}",
    "{% for x in range(5) %}{{ x }}{% endfor %} {% for x in range(2, 9, 3) %}{{ x }}{% endfor %} {{ range(3) | list }} {{ range(3, 0, -1) | list }} {{ range(0) | list }}",
    "{% for x in [1, 2, 3, 4, 5] %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in [1, 2] %}{% for y in [1, 2, 3] %}{% if y == 2 %}{% break %}{% endif %}{{ x }}{{ y }} {% endfor %}{{ loop.index }};{% endfor %}",
    "{% for item in [{'n': 1, 'c': [{'n': 2, 'c': []}, {'n': 3}]}] recursive %}{{ loop.depth }}{{ loop.depth0 }}:{{ item.n }}{% if item.c %}({{ loop(item.c) }}){% endif %}{% endfor %}",
    "{% for x in [1, 1, 2, 2, 1] %}{% if loop.changed(x) %}{{ x }}{% endif %}{% endfor %}",
    "{% for x in 1, 2, 3 %}{{ x }}{% endfor %}",
    "{% for x in l %}{% set n = x %}{% endfor %}{{ n }} {% set y = 1 %}{% for x in l %}{{ y }}{% set y = y + x %}{{ y }} {% endfor %}{{ y }}",
    "{% set ns = namespace(a=1, b='x') %}{% for x in l %}{% set ns.a = ns.a + x %}{% endfor %}{{ ns.a }}{{ ns.b }}{{ ns.c }}| {% set ns2 = namespace({'q': 5}, r=6) %}{{ ns2.q }}{{ ns2.r }} {% set ns2.new = [] %}{{ ns2.new }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }} {% set a, b = b, a %}{{ a }}{{ b }} {% set (c, e2) = 'xy' %}{{ c }} {% set x = 1, 2 %}{{ x }}",
    "{% set x %}block {{ n }}{% endset %}[{{ x }}] {% set y | upper | trim %}  low {% endset %}[{{ y }}] {{ x | length }}",
    "{% if true %}{% set inner = 1 %}{% endif %}{{ inner }} {% set s = 'changed' %}{{ s }} {% with a = 1, b = n %}{{ a }}{{ b }}{% set q = 2 %}{% endwith %}{{ a }}{{ q }}|",
    "{% macro f(a, b=2, c='x') %}{{ a }}-{{ b }}-{{ c }}{% endmacro %}{{ f(1) }} {{ f(1, 3) }} {{ f(1, c='z') }} {{ f(a='k') }} {{ f() }} {{ f.name }} {{ f(1) | upper }} {{ f(1) ~ '!' }}",
    "{% macro f() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, x=3) }} {% macro g(a) %}{{ a }}{{ n }}{{ late }}{% endmacro %}{{ g(0) }} {% set late = 'L' %}{{ g(1) }}",
    "{% macro fact(k) %}{% if k <= 1 %}1{% else %}{{ k * (fact(k - 1) | int) }}{% endif %}{% endmacro %}{{ fact(10) }}",
    "{% macro box() %}<{{ caller() }}>{% endmacro %}{% call box() %}in {{ n }}{% endcall %} {% macro each(xs) %}{% for x in xs %}{{ caller(x) }}{% endfor %}{% endmacro %}{% call(v) each(l) %}[{{ v }}]{% endcall %}",
    "{% macro inner_set() %}{% set n = 100 %}{{ n }}{% endmacro %}{{ inner_set() }}{{ n }} {% for x in [1] %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}",
    "{% filter upper %}a {{ s }}{% endfilter %} {% filter replace('a', 'b') | title %}banana{% endfilter %}",
    "{% generation %}said {{ n }}{% set n = 1 %}{% endgeneration %}{{ n }}",
    "{% raw %}{{ not }} {% a %} {# b #}{% endraw %} {%- raw -%}  x  {%- endraw -%}  y",
    "a{# comment {{ x }} #}b {#- strip -#} c {# multi\nline #}d",
    "{{ dict(a=1, b=2) }} {{ dict({'x': 1}, y=2) }} {{ strftime_now('%Y-%m-%d %H:%M:%S %d %b %A %j') }}",
    "{{ raise_exception('the message: ' ~ n) }}",
    "{% if n == 7 %}\n{% if t %}\n{{ raise_exception('deep') }}\n{% endif %}\n{% endif %}",
    "{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}",
    "{% macro f(a) %}{% endmacro %}{{ f(b=2) }}",
    "{% set d.x = 1 %}",
    "{% for a, b in [[1, 2, 3]] %}{% endfor %}",
    "{% for x in 5 %}{% endfor %}",
    "{{ range(1000000) | list }}",
    "{{ d.items(1) }}",
    # whitespace
    "  {% if true %}\n  a\n  {% endif %}\n  b\n",
    "x {% if true %} a {% endif %} y\n",
    "x\n    {%- if true %}\n a\n   {%- endif %}\n y",
    "x\n    {%+ if true %}\n a\n   {%+ endif +%}\n y",
    "{% if true -%}\n\n  a  \n\n{%- endif %}  b\n\n",
    "{{- ' a ' -}}  \n b {{ 'c' }}\n{{ 'd' }}\n\n",
    "  {# c #}\n  x {# c #}\n  {#- c -#}\n  y",
    "\n\n{% for x in l %}\n\n  {{ x }}\n\n{% endfor %}\n\n",
    "a\r\nb\r{% if true %}\r\nc{% endif %}\r\n",
    "\t{% if true %}\t\n\tx\t\n\t{% endif %}\t\n\ty",
    "{%- for x in l -%}\n {{ x }} \n{%- endfor -%}\n",
    "{{ '{{' }} {{ '}}' }} {{ {'a': {'b': 1}}['a']['b'] }} {{ {'a': {}} }}",
    "  {{ 'x' }}  \n  {% set q = 1 %}  \n  {% set r = 2 %}\nz",
    "{% if true %}a{% endif %}\n\n\nb\n",
    "text only",
    "",
    "\n",
    # syntax errors
    "{{ 1 +",
    "{{ }}",
    "{% if %}",
    "{% if true %}",
    "{% endif %}",
    "{% for x in %}{% endfor %}",
    "{% unknown %}",
    "{{ 'open }}",
    "{{ (1 }}",
    "{{ [1 }}",
    "{# open",
    "{{ 1 2 }}",
    "{{ a b }}",
    "{{ ! }}",
    "{% set %}",
    "{% raw %}x",
]


def render(env, template, variables):
    """Output, or what went wrong: the message of raise_exception, or nothing for all else."""
    try:
        return {"output": env.from_string(template).render(**variables)}
    except jinja2.exceptions.TemplateError as error:
        if type(error) is jinja2.exceptions.TemplateError:
            return {"raises": error.message}
        return {"fails": f"{type(error).__name__}: {error.message}"}
    except Exception as error:  # what Python itself raises inside a template
        return {"fails": f"{type(error).__name__}: {error}"}


def vectors():
    env = environment()
    cases = []
    for path in sorted((ROOT / "templates").glob("*.jinja")):
        with open(path, newline="") as file:
            text = file.read()
        for name, conversation in CONVERSATIONS.items():
            variables = {"bos_token": "<s>", "eos_token": "</s>", "tools": None, "documents": None, **conversation}
            result = render(env, text, variables)
            cases.append({"template": path.stem, "conversation": name, **result})
    return {
        "conversations": CONVERSATIONS,
        "templates": cases,
        "variables": V,
        "constructs": [{"text": text, **render(env, text, V)} for text in CONSTRUCTS],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the vectors are out of date")
    args = parser.parse_args()
    path = ROOT / "vectors.json"
    text = json.dumps(vectors(), ensure_ascii=False, indent=1) + "\n"
    if not args.check:
        path.write_text(text, encoding="utf-8")
    elif path.read_text(encoding="utf-8") != text:
        sys.exit(f"{path} is not what Jinja {jinja2.__version__} gives")


if __name__ == "__main__":
    main()
