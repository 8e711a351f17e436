"""A small text grammar: `[a|b|c]` chooses, `{slot}` looks a value up, `//` begins a paragraph, `^` makes a capital."""

import re

_TOKEN = re.compile(r"[\[\]|]|\{\w+\}|[^\[\]|{}]+")
_cache = {}


class GrammarError(ValueError):
    """A template that is not well formed, or that names a slot the story does not have."""


def weights(count):
    """Relative weights of `count` choices. They fall with the rank, so that a model trained on the text has a
    clear favorite at every branch: greedy decoding then gives the same story before and after quantization."""
    return [(rank + 1.0) ** -0.7 for rank in range(count)]


def choose(rng, items):
    """One of `items`, earlier ones more often."""
    if len(items) == 1:
        return items[0]
    return rng.choices(items, weights(len(items)))[0]


def _parse(tokens, position, nested, template):
    options, sequence = [], []
    while position < len(tokens):
        token = tokens[position]
        position += 1
        if token == "[":
            inner, position = _parse(tokens, position, True, template)
            sequence.append(inner)
        elif token == "]" and nested:
            options.append(tuple(sequence))
            return (tuple(options), tuple(weights(len(options)))), position
        elif token == "|" and nested:
            options.append(tuple(sequence))
            sequence = []
        elif token in "[]|":
            raise GrammarError(f"stray {token!r} in template {template!r}")
        else:
            sequence.append(token)
    if nested:
        raise GrammarError(f"missing ']' in template {template!r}")
    return tuple(sequence), position


def _write(rng, sequence, slots, out):
    for part in sequence:
        if isinstance(part, tuple):
            options, chances = part
            _write(rng, rng.choices(options, chances)[0], slots, out)
        elif part[0] == "{":
            if part[1:-1] not in slots:
                raise GrammarError(f"no slot {part}; there are: {', '.join(sorted(slots))}")
            out.append(slots[part[1:-1]])
        else:
            out.append(part)


def expand(rng, template, slots):
    """The text of `template` with every choice made and every slot filled."""
    compiled = _cache.get(template)
    if compiled is None:
        compiled, _ = _parse(_TOKEN.findall(template), 0, False, template)
        _cache[template] = compiled
    out = []
    _write(rng, compiled, slots, out)
    return "".join(out)


_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiou])(?!one\b|use)")
_START = re.compile(r"((?:^|\n\n|[.!?] |\.\" )\"?)([a-z])")


def polish(text):
    """Spaces, paragraphs, a/an, and capital letters at the start of sentences."""
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r" ?// ?", "\n\n", text).strip()
    text = _ARTICLE.sub(r"\1n ", text)
    text = re.sub(r"\^(.)", lambda match: match.group(1).upper(), text)
    return _START.sub(lambda match: match.group(1) + match.group(2).upper(), text)
