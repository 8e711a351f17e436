"""The names of layers that a user wants left alone."""

import difflib
import re
from typing import Iterable, List, Optional, Union

Name = Union[str, "re.Pattern[str]"]


class Exclusion:
    """Matches full names of modules against a user's names: those of children (``"lm_head"``), full names
    (``"decoder.lm_head"``), ``"re:PATTERN"`` or compiled patterns, matched from the start of full names. What is below a named
    module is meant too.

    Raises TypeError and ValueError, calling the list ``what``, for a name that is neither and for a pattern that is none.
    """

    def __init__(self, names: Iterable[Name], what: str = "names_to_exclude") -> None:
        self.what = what
        if names is None or (not isinstance(names, (str, re.Pattern)) and not hasattr(names, "__iter__")):
            raise TypeError(f"{what}: {names!r} is not a list of names; give [] for none")
        self.names: List[Name] = [names] if isinstance(names, (str, re.Pattern)) else list(names)
        self.patterns: List[Optional["re.Pattern[str]"]] = []
        self.matched = [False] * len(self.names)
        for name in self.names:
            if isinstance(name, re.Pattern):
                self.patterns.append(name)
            elif not isinstance(name, str):
                raise TypeError(f"{what}: {name!r} is neither a string nor a compiled regular expression")
            elif name.startswith("re:"):
                try:
                    self.patterns.append(re.compile(name[3:]))
                except re.error as error:
                    raise ValueError(f"{what}: {name!r} is not a regular expression: {error}") from error
            else:
                self.patterns.append(None)

    def reason(self, full_name: str) -> Optional[str]:
        """Why the layer is excluded, or None. Remembers which names matched."""
        found = None
        for i, (name, pattern) in enumerate(zip(self.names, self.patterns)):
            if pattern.match(full_name) if pattern else _covers(str(name), full_name):
                self.matched[i] = True
                found = found or f"excluded by {text_of(name)!r}"
        return found

    def unmatched(self, module_names: Iterable[str]) -> List[str]:
        """A sentence for each name that excluded nothing, with near misses among the full names of modules."""
        modules = list(module_names)
        candidates = sorted(set(modules) | {name.rpartition(".")[2] for name in modules})
        texts = []
        for name, matched in zip(self.names, self.matched):
            if not matched:
                near = difflib.get_close_matches(text_of(name), candidates, n=3)
                hint = f"; did you mean {', '.join(near)}?" if near else ""
                texts.append(f"{self.what}: {text_of(name)!r} matches no linear layer{hint}")
        return texts


def text_of(name: Name) -> str:
    return name if isinstance(name, str) else f"re:{name.pattern}"


def _covers(name: str, full_name: str) -> bool:
    """Is ``name`` the full name, a module above it, or (without dots) one component of it?"""
    if full_name == name or full_name.startswith(name + "."):
        return True
    return name in full_name.split(".")
